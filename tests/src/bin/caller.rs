//! An ordinary HTTP client in an ordinary pod: GETs URLs at a rate and tells what came back. It knows nothing of AWS,
//! signs nothing and retries nothing, but for the first answer of each target where `--first-within` allows it, and for
//! what RFC 9112 section 9.3.1 has every client do: a GET on a kept connection that the server closes before it answers
//! goes once more over a new one (the server may close an idle connection at the very moment of the request). Those are
//! counted; a new connection that gets no answer is a failure.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use clap::Parser;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use lambdaroute_tests::caller::{Failure, Report};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// GETs URLs and prints JSON counts, one object a line.
#[derive(Debug, Parser)]
struct Args {
    /// A URL, and after a `|` the text that a right answer's body contains.
    #[arg(long = "target", required = true)]
    targets: Vec<Target>,
    /// Ends after so many requests. Absent: at SIGTERM, after the requests in flight.
    #[arg(long)]
    requests: Option<u64>,
    /// Requests in flight at most.
    #[arg(long, default_value_t = 1)]
    concurrency: usize,
    /// Requests a second at most. Absent: as fast as answers come.
    #[arg(long)]
    rate: Option<f64>,
    /// How long a request may take, in seconds.
    #[arg(long, default_value_t = 30)]
    timeout: u64,
    /// A connection of its own for every request.
    #[arg(long)]
    fresh_connections: bool,
    /// Before the run: each target is asked until it answers rightly, for so many seconds.
    #[arg(long)]
    first_within: Option<u64>,
}

#[derive(Clone, Debug)]
struct Target {
    url: Uri,
    expected: String,
}

impl std::str::FromStr for Target {
    type Err = http::uri::InvalidUri;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (url, expected) = text.split_once('|').unwrap_or((text, ""));
        Ok(Self { url: url.parse()?, expected: expected.to_owned() })
    }
}

type Connection = SendRequest<Empty<Bytes>>;

struct Run {
    /// Kept connections by host and port; none with `--fresh-connections`.
    kept: Option<Mutex<HashMap<String, Vec<Connection>>>>,
    timeout: Duration,
    started: Instant,
    sent: AtomicU64,
    seen: Mutex<HashSet<usize>>,
    report: Mutex<Report>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let run = Arc::new(Run {
        kept: (!args.fresh_connections).then(Mutex::default),
        timeout: Duration::from_secs(args.timeout),
        started: Instant::now(),
        sent: AtomicU64::new(0),
        seen: Mutex::default(),
        report: Mutex::default(),
    });
    let stop = stop_at_sigterm()?;
    if let Some(seconds) = args.first_within {
        run.wait_for_first_answers(&args.targets, Duration::from_secs(seconds)).await;
    }
    let pace = args.rate.map(|rate| Arc::new(tokio::sync::Mutex::new(ticks(rate))));
    let targets = Arc::new(args.targets);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..args.concurrency {
        let (run, targets, pace, stop) = (Arc::clone(&run), Arc::clone(&targets), pace.clone(), stop.clone());
        workers.spawn(async move { run.work(&targets, args.requests, pace, stop).await });
    }
    let mut each_second = ticks(1.0);
    loop {
        tokio::select! {
            joined = workers.join_next() => match joined {
                Some(worker) => worker.context("a worker broke")?,
                None => break,
            },
            _ = each_second.tick() => run.print(false)?,
        }
    }
    run.print(true)
}

fn stop_at_sigterm() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        token.cancel();
    });
    Ok(stop)
}

fn ticks(rate: f64) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

impl Run {
    async fn work(
        &self,
        targets: &[Target],
        requests: Option<u64>,
        pace: Option<Arc<tokio::sync::Mutex<tokio::time::Interval>>>,
        stop: CancellationToken,
    ) {
        loop {
            if let Some(pace) = &pace {
                let tick = async { pace.lock().await.tick().await };
                tokio::select! { _ = tick => (), () = stop.cancelled() => return }
            }
            let turn = self.sent.fetch_add(1, Ordering::Relaxed);
            if stop.is_cancelled() || requests.is_some_and(|all| turn >= all) {
                return;
            }
            let index = usize::try_from(turn).unwrap_or_default() % targets.len();
            let begun = Instant::now();
            let answer = self.ask(&targets[index]).await;
            self.note(index, &targets[index], begun, answer);
        }
    }

    async fn wait_for_first_answers(&self, targets: &[Target], limit: Duration) {
        let mut turns = ticks(5.0);
        for (index, target) in targets.iter().enumerate() {
            loop {
                let begun = Instant::now();
                let answer = self.ask(target).await;
                if answer.is_ok() || self.started.elapsed() > limit {
                    self.note(index, target, begun, answer);
                    break;
                }
                turns.tick().await;
            }
        }
    }

    /// 200 with the expected text, or what came instead.
    async fn ask(&self, target: &Target) -> Result<u16, (Option<u16>, String)> {
        let asked = async {
            let (answer, connection) = self.send(&target.url).await.map_err(|error| (None, format!("{error:#}")))?;
            let status = answer.status();
            let headers = format!("{:?}", answer.headers());
            let body = answer.into_body().collect().await;
            let body = body.map_err(|error| (Some(status.as_u16()), error.to_string()))?.to_bytes();
            self.keep(&target.url, connection);
            let text = String::from_utf8_lossy(&body);
            if status == 200 && text.contains(&target.expected) {
                return Ok(status.as_u16());
            }
            let text: String = text.chars().take(300).collect();
            Err((Some(status.as_u16()), format!("{status} {headers} {text}")))
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err((None, format!("no answer within {} s", self.timeout.as_secs()))),
        }
    }

    /// Over a kept connection if there is one, else over a new one.
    async fn send(&self, url: &Uri) -> anyhow::Result<(Response<Incoming>, Connection)> {
        let authority = url.authority().context("a URL without a host")?.as_str();
        let request =
            || Request::get(url.path_and_query().map_or("/", |path| path.as_str())).header(header::HOST, authority);
        let kept = self.kept.as_ref().and_then(|kept| lock(kept).get_mut(authority)?.pop());
        if let Some(mut connection) = kept
            && connection.ready().await.is_ok()
        {
            match connection.send_request(request().body(Empty::new())?).await {
                Ok(answer) => return Ok((answer, connection)),
                Err(_) => lock(&self.report).reconnected += 1,
            }
        }
        let mut connection = connect(url).await?;
        let mut request = request();
        if self.kept.is_none() {
            request = request.header(header::CONNECTION, "close");
        }
        let answer = connection.send_request(request.body(Empty::new())?).await.context("send the request")?;
        Ok((answer, connection))
    }

    fn keep(&self, url: &Uri, connection: Connection) {
        if let Some(kept) = self.kept.as_ref().filter(|_| !connection.is_closed()) {
            let authority = url.authority().map(ToString::to_string).unwrap_or_default();
            lock(kept).entry(authority).or_default().push(connection);
        }
    }

    fn note(&self, index: usize, target: &Target, begun: Instant, answer: Result<u16, (Option<u16>, String)>) {
        let mut report = lock(&self.report);
        let status = match answer {
            Ok(status) => {
                report.right += 1;
                let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                report.slowest_ms = report.slowest_ms.max(took);
                let mut seen = lock(&self.seen);
                seen.insert(index);
                report.targets_seen = seen.len();
                Some(status)
            }
            Err((status, what)) => {
                let at = begun.duration_since(self.started).as_secs_f64();
                report.fail(Failure { at, url: target.url.to_string(), what });
                status
            }
        };
        if let Some(status) = status {
            *report.statuses.entry(status).or_default() += 1;
        }
    }

    fn print(&self, done: bool) -> anyhow::Result<()> {
        let mut report = lock(&self.report).clone();
        report.done = done;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
        Ok(out.flush()?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connect(url: &Uri) -> anyhow::Result<Connection> {
    let host = url.host().context("a URL without a host")?;
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80))).await.context("connect")?;
    let (connection, driver) = handshake(TokioIo::new(stream)).await.context("begin HTTP")?;
    // Its errors are those of its requests.
    tokio::spawn(driver);
    Ok(connection)
}
