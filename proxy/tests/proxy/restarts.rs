//! A rolling restart under load: no request is lost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use lambdaroute_proxy_config::v1alpha1::{Left, to_proxy};
use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::controller::{Authority, Controller, Session, route, version};
use crate::process::{CREDENTIALS, Proxy, arguments, free_port, variables};
use crate::upstream::Upstream;
use crate::{eventually, soon};

const REQUESTS: usize = 20_000;
const CALLERS: usize = 16;

/// What an EndpointSlice says.
type Addresses = Arc<Mutex<Vec<SocketAddr>>>;

/// Calls on one connection until the callee says that it is the last time, as any HTTP client does.
async fn call(addresses: Addresses, number: usize, answered: Arc<AtomicUsize>, enough: Arc<AtomicBool>) {
    let mut connection: Option<SendRequest<Full<Bytes>>> = None;
    let mut turn = number;
    while !enough.load(Ordering::SeqCst) {
        let mut sender = match connection.take() {
            Some(sender) => sender,
            None => {
                turn += 1;
                let address = {
                    let addresses = addresses.lock().unwrap();
                    addresses[turn % addresses.len()]
                };
                let stream = TcpStream::connect(address).await.unwrap();
                let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                sender
            }
        };
        let request = Request::post("/").header("host", "orders").body(Full::from("a body")).unwrap();
        let answer = soon("an answer", sender.send_request(request)).await.expect("no request is lost");
        let is_last = answer.headers().get("connection").is_some_and(|value| value == "close");
        assert_eq!(answer.status(), 200);
        soon("the whole answer", answer.into_body().collect()).await.unwrap();
        answered.fetch_add(1, Ordering::SeqCst);
        if !is_last && sender.ready().await.is_ok() {
            connection = Some(sender);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::in_directory(directory.path());
    let upstream = Upstream::start().await;
    let url = upstream.url();
    let port = free_port();
    let mut places = Vec::new();
    let addresses = Addresses::default();
    for last in [101, 102, 103] {
        let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        let mut place = Place {
            controller: Controller::start(&authority).await,
            directory: tempfile::tempdir().unwrap(),
            address: SocketAddr::new(address, port),
            running: None,
        };
        place.start(&authority, &upstream, &url).await;
        addresses.lock().unwrap().push(place.address);
        places.push(place);
    }
    let (answered, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| tokio::spawn(call(addresses.clone(), number, answered.clone(), enough.clone())))
        .collect();
    let answered = &answered;
    for (restart, place) in places.iter_mut().enumerate() {
        let due = REQUESTS / 4 * (restart + 1);
        load(answered, due).await;
        let Running { mut proxy, mut session } = place.running.take().unwrap();
        proxy.signal(Signal::TERM);
        session.until("the wish to leave", |session| session.leaving).await;
        addresses.lock().unwrap().retain(|address| *address != place.address);
        session.say(to_proxy::Message::Left(Left {}));
        assert_eq!(proxy.exit().await.code(), Some(0));
        assert!(!proxy.logged("drain timeout"));
        place.start(&authority, &upstream, &url).await;
        addresses.lock().unwrap().push(place.address);
    }
    load(answered, REQUESTS).await;
    enough.store(true, Ordering::SeqCst);
    for caller in callers {
        soon("a caller's end", caller).await.unwrap();
    }
}

/// Waits for so many answers; a machine that does much else may take a while.
async fn load(answered: &AtomicUsize, due: usize) {
    while answered.load(Ordering::SeqCst) < due {
        let before = answered.load(Ordering::SeqCst);
        eventually("more answers", || async move { answered.load(Ordering::SeqCst) > before }).await;
    }
}

/// Where a proxy is started again and again.
struct Place {
    controller: Controller,
    directory: tempfile::TempDir,
    address: SocketAddr,
    running: Option<Running>,
}

struct Running {
    proxy: Proxy,
    session: Session,
}

impl Place {
    async fn start(&mut self, authority: &Authority, upstream: &Upstream, url: &str) {
        let mut arguments = arguments(self.directory.path(), authority, &[self.controller.address], upstream);
        let listen = arguments.iter().position(|argument| argument == "--listen-address").unwrap() + 1;
        arguments[listen] = self.address.ip().to_string();
        arguments.extend(["--propagation-delay".to_owned(), "200ms".to_owned()]);
        let proxy = Proxy::start(&arguments, &variables(url, &CREDENTIALS)).await;
        let mut session = self.controller.session().await;
        session.snapshot(version(1, 1), &[route("orders", self.address.port())]);
        session.outcomes(1).await;
        eventually("readiness", || async { proxy.get_admin("/readyz").await.0 == 200 }).await;
        self.running = Some(Running { proxy, session });
    }
}
