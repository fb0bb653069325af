//! An origin in the place of AWS: echoes, streams, stalls, breaks off, answers as AWS does, and is STS too.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;

/// More than sockets take that nobody reads from.
const LARGE: usize = 16 << 20;

/// Of credentials, in seconds.
const LIFE: i64 = 7200;

type Body = BoxBody<Bytes, std::io::Error>;

/// What the test and the origin share.
pub(crate) struct State {
    /// A permit lets one waiting answer go on.
    pub(crate) go_on: Semaphore,
    /// Requests that wait for it.
    pub(crate) waiting: AtomicUsize,
    /// Requests that were given up while they waited.
    pub(crate) cancelled: AtomicUsize,
    /// Requests that have come.
    pub(crate) requests: AtomicUsize,
    /// Those among them that would have run a function.
    pub(crate) runs: AtomicUsize,
    /// Bytes that were made for an answer without an end.
    pub(crate) made: AtomicUsize,
    /// Who may have credentials, where somebody must prove it.
    pub(crate) credentials_token: Mutex<String>,
    /// Connections that were accepted.
    pub(crate) connections: AtomicUsize,
    /// How often credentials were asked for.
    pub(crate) loads: AtomicUsize,
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            go_on: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            runs: AtomicUsize::new(0),
            made: AtomicUsize::new(0),
            credentials_token: Mutex::default(),
            connections: AtomicUsize::new(0),
            loads: AtomicUsize::new(0),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let state = shared.clone();
                let service = service_fn(move |request| answer(state.clone(), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Upstream { address, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Nobody listens at the address any more.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub(crate) async fn until_waiting(&self, count: usize) {
        let state = &self.state;
        crate::eventually("a request at the upstream", || async move { state.waiting.load(Ordering::SeqCst) >= count })
            .await;
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct CountsCancel(Arc<State>);

impl Drop for CountsCancel {
    fn drop(&mut self) {
        self.0.cancelled.fetch_add(1, Ordering::SeqCst);
    }
}

async fn go_on(state: &Arc<State>) {
    state.waiting.fetch_add(1, Ordering::SeqCst);
    let cancelled = CountsCancel(state.clone());
    state.go_on.acquire().await.unwrap().forget();
    std::mem::forget(cancelled);
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    state.requests.fetch_add(1, Ordering::SeqCst);
    if request.headers()["host"].to_str().unwrap().contains("lambda-url") {
        state.runs.fetch_add(1, Ordering::SeqCst);
    }
    Ok(match path.as_str() {
        "/" if !request.headers()["host"].to_str().unwrap().contains("lambda-url") => sts(),
        "/stream" => pieces(state, Ok(Frame::data(Bytes::from("last")))),
        "/break" => pieces(state, Err(std::io::Error::other("the origin breaks off"))),
        "/large" => full(StatusCode::OK, &[], &"x".repeat(LARGE)),
        "/wait" => {
            go_on(&state).await;
            full(StatusCode::OK, &[], "waited")
        }
        "/canned" => {
            let of = |name: &str| request.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
            let mut headers = vec![];
            if let Some(error_type) = of("want-error") {
                headers.push(("x-amzn-ErrorType", error_type));
            }
            if let Some(cookie) = of("want-cookie") {
                headers.push(("set-cookie", cookie));
            }
            if let Some(origin) = of("want-cors") {
                headers.push(("access-control-allow-origin", origin));
            }
            let status = of("want-status").unwrap().parse().unwrap();
            full(status, &headers, &of("want-body").unwrap_or_default())
        }
        "/limits" => {
            let theirs = "theirs".to_owned();
            full(StatusCode::OK, &[("RateLimit", theirs.clone()), ("RateLimit-Policy", theirs)], "")
        }
        "/skewed" => skewed(&request),
        "/always-skewed" => refused_at(3600, "InvalidSignatureException", r#"{"message":"Signature expired"}"#),
        "/expiring" => expiring(&request),
        "/always-expired" => refused_at(LIFE, "ExpiredTokenException", r#"{"message":"expired"}"#),
        "/endless" => endless(state),
        "/credentials" => credentials(&state, LIFE),
        "/late-credentials" if state.go_on.available_permits() > 0 => credentials(&state, LIFE),
        "/late-credentials" => full(StatusCode::INTERNAL_SERVER_ERROR, &[], "not yet"),
        "/hanging-credentials" => {
            if state.loads.load(Ordering::SeqCst) > 0 {
                go_on(&state).await;
            }
            credentials(&state, 6)
        }
        "/guarded-credentials" => {
            let proof = request.headers().get("authorization").map(|proof| proof.to_str().unwrap().to_owned());
            let is_right = proof.as_deref() == Some(state.credentials_token.lock().unwrap().as_str());
            if is_right { credentials(&state, 4) } else { full(StatusCode::UNAUTHORIZED, &[], "who are you?") }
        }
        "/short-credentials" if state.loads.load(Ordering::SeqCst) < 2 => credentials(&state, 3),
        "/short-credentials" => full(StatusCode::INTERNAL_SERVER_ERROR, &[], "no more"),
        "/remapped" => full(
            StatusCode::UNAUTHORIZED,
            &[("x-amzn-Remapped-www-authenticate", "Basic".to_owned()), ("x-amzn-Remapped-date", "x".to_owned())],
            "",
        ),
        _ => echo(request).await,
    })
}

/// A first piece, then, when the test says so, the last.
fn pieces(state: Arc<State>, last: Result<Frame<Bytes>, std::io::Error>) -> Response<Body> {
    let (to, from) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let _ = to.send(Ok(Frame::data(Bytes::from("first ")))).await;
        let gone = to.clone();
        tokio::select! {
            () = go_on(&state) => { let _ = to.send(last).await; }
            () = gone.closed() => {}
        }
    });
    Response::new(StreamBody::new(ReceiverStream::new(from)).boxed())
}

fn full(status: StatusCode, headers: &[(&'static str, String)], body: &str) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed()).unwrap()
}

/// AWS, an hour ahead of this machine.
fn skewed(request: &Request<Incoming>) -> Response<Body> {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let signed = request.headers()["x-amz-date"].to_str().unwrap();
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", signed).unwrap();
    let signed = signed.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let date = ("date", jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap());
    if (now.as_second() - signed.as_second()).abs() < 300 {
        return full(StatusCode::OK, &[date], "signed by the right clock");
    }
    let error_type = ("x-amzn-ErrorType", "InvalidSignatureException".to_owned());
    full(StatusCode::FORBIDDEN, &[date, error_type], r#"{"message":"Signature expired"}"#)
}

/// AWS, so many seconds ahead of this machine.
fn refused_at(ahead: i64, error_type: &str, body: &str) -> Response<Body> {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap();
    full(StatusCode::FORBIDDEN, &[("x-amzn-ErrorType", error_type.to_owned()), ("date", date)], body)
}

/// An answer that is made for as long as it is taken.
fn endless(state: Arc<State>) -> Response<Body> {
    let pieces = tokio_stream::iter(std::iter::repeat_with(move || {
        let piece = Bytes::from(vec![b'x'; 64 * 1024]);
        state.made.fetch_add(piece.len(), Ordering::SeqCst);
        Ok(Frame::data(piece))
    }));
    Response::new(StreamBody::new(pieces).boxed())
}

/// AWS, by whose clock the first credentials have expired.
fn expiring(request: &Request<Incoming>) -> Response<Body> {
    if request.headers()["x-amz-security-token"] == "token-0" {
        return refused_at(LIFE, "ExpiredTokenException", r#"{"message":"expired"}"#);
    }
    full(StatusCode::OK, &[], "signed by the right token")
}

/// A source of credentials: others each time.
fn credentials(state: &State, seconds: i64) -> Response<Body> {
    let load = state.loads.fetch_add(1, Ordering::SeqCst);
    let expiration = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let credentials = serde_json::json!({
        "AccessKeyId": format!("AKID{load}"), "SecretAccessKey": "secret", "Token": format!("token-{load}"),
        "Expiration": expiration.to_string(),
    });
    full(StatusCode::OK, &[("content-type", "application/json".to_owned())], &credentials.to_string())
}

/// What has arrived, as JSON.
async fn echo(request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
        .collect();
    let echo = serde_json::json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "length": body.len(),
        "sha256": hex::encode(Sha256::digest(&body)),
    });
    let headers =
        [("content-type", "application/json".to_owned()), ("x-amzn-RequestId", "the-request-id-of-aws".to_owned())];
    full(StatusCode::OK, &headers, &echo.to_string())
}

/// `GetCallerIdentity`.
fn sts() -> Response<Body> {
    let body = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
        <Arn>arn:aws:sts::111122223333:assumed-role/proxies/one</Arn><UserId>AROA:one</UserId><Account>111122223333</Account>
        </GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#;
    full(StatusCode::OK, &[("content-type", "text/xml".to_owned())], body)
}
