//! Listeners that trouble one another, or don't.

use std::net::SocketAddr;

use tokio::time::timeout;

use super::*;
use crate::listeners::bind;

/// The most that anything here may take.
const DEADLINE: Duration = Duration::from_secs(20);
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// An acceptor for one worker, and what that worker gets.
fn started(max_connections: usize) -> (Arc<Acceptor>, mpsc::UnboundedReceiver<Accepted>) {
    let (seat, from) = Seat::new();
    let (lifecycle, metrics) = (Arc::new(Lifecycle::new()), Arc::new(Metrics::new()));
    (Acceptor::start(vec![seat], max_connections, lifecycle, metrics).unwrap(), from)
}

fn listener() -> (std::net::TcpListener, SocketAddr) {
    let listener = bind(ANY).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The port at which the next connection came.
async fn next(from: &mut mpsc::UnboundedReceiver<Accepted>) -> u16 {
    let accepted = timeout(DEADLINE, from.recv()).await.expect("a connection in time").unwrap();
    accepted.stream.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_listener_in_trouble_holds_up_no_other() {
    let (acceptor, mut from) = started(100);
    let (broken, _) = listener();
    let handle = broken.try_clone().unwrap();
    let broken = acceptor.open(broken, Arc::default()).unwrap();
    let (good, address) = listener();
    acceptor.open(good, Arc::default()).unwrap();
    // Each try to accept fails from now on, and the poll tells of it without end.
    rustix::net::shutdown(&handle, rustix::net::Shutdown::Both).unwrap();
    for _ in 0..3 {
        let _caller = TcpStream::connect(address).unwrap();
        assert_eq!(next(&mut from).await, address.port());
    }
    acceptor.close(broken);
    let _caller = TcpStream::connect(address).unwrap();
    assert_eq!(next(&mut from).await, address.port());
}

#[tokio::test]
async fn a_flooded_listener_leaves_the_others_their_turn() {
    let (acceptor, mut from) = started(1000);
    let ((flooded, flood), (other, one)) = (listener(), listener());
    let callers: Vec<TcpStream> =
        [vec![flood; 4 * AT_ONCE], vec![one]].concat().iter().map(|to| TcpStream::connect(to).unwrap()).collect();
    {
        // Held until both are there.
        let mut open = acceptor.lock();
        for (number, listener) in [flooded, other].into_iter().enumerate() {
            let mut socket = TcpListener::from_std(listener);
            acceptor.registry.register(&mut socket, Token(number), Interest::READABLE).unwrap();
            open.listeners.insert(Token(number), Listener { socket, slot: Arc::default(), stop: None });
        }
    }
    let mut before = 0;
    while next(&mut from).await != one.port() {
        before += 1;
    }
    assert!(before <= 2 * AT_ONCE, "{before} of {} came first", callers.len());
}
