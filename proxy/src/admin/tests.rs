//! Who may see what a proxy runs, and what callers of the admin port may take. With a clock that stands: times of seconds
//! take none.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;

/// Long after all that ends by itself.
const NEVER: Duration = Duration::from_secs(3600);

fn admin() -> Admin {
    // Nobody is commanded here.
    let (commands, _) = mpsc::channel(1);
    Admin {
        has_table: Arc::default(),
        credentials: Arc::new(CredentialStore::new()),
        lifecycle: Arc::new(Lifecycle::new()),
        metrics: Arc::new(Metrics::new()),
        bodies: Arc::new(BodyMemory::new(0)),
        contact: Arc::new(Contact::new(None, std::time::Instant::now())),
        flags: Flags::default(),
        commands,
        scrapes: Mutex::default(),
    }
}

/// An admin port of its own.
async fn started() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(admin().run(listener, CancellationToken::new()));
    address
}

async fn connected(to: SocketAddr) -> TcpStream {
    TcpStream::connect(to).await.unwrap()
}

/// Reads until the connection ends.
async fn ended(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    // A reset is an end, too.
    let _ = timeout(NEVER, stream.read_to_end(&mut told)).await.expect("the connection ends");
    String::from_utf8(told).unwrap()
}

#[test]
fn the_configuration_is_for_loopback_alone() {
    for (peer, may) in [
        ("127.0.0.1", true),
        ("127.9.9.9", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
        ("10.0.0.1", false),
        ("::ffff:10.0.0.1", false),
        ("fd00::1", false),
        ("0.0.0.0", false),
    ] {
        assert_eq!(may_see_config(peer.parse().unwrap()), may, "{peer}");
    }
}

#[tokio::test(start_paused = true)]
async fn from_elsewhere_the_configuration_is_refused_and_the_rest_is_answered() {
    let admin = admin();
    let elsewhere = "10.0.0.1".parse().unwrap();
    for (path, status) in [("/config", 403), ("/livez", 200), ("/readyz", 503), ("/metrics", 200), ("/", 404)] {
        assert_eq!(admin.answer(&Method::GET, path, elsewhere).await.status(), status, "{path}");
    }
    // From here it is told, by whoever knows it.
    let told = timeout(NEVER, admin.answer(&Method::GET, "/config", "127.0.0.1".parse().unwrap())).await;
    assert_eq!(told.expect("also where the process is stopping").status(), 503);
    assert_eq!(admin.answer(&Method::POST, "/livez", elsewhere).await.status(), 405);
}

#[tokio::test]
async fn however_many_connect_no_more_are_kept_and_the_next_is_answered_at_once() {
    const MORE: usize = 40;
    let address = started().await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS + MORE {
        silent.push(connected(address).await);
    }
    let mut next = connected(address).await;
    next.write_all(b"GET /livez HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n").await.unwrap();
    let answer = timeout(HEADER_READ_TIMEOUT / 2, ended(&mut next)).await.expect("nobody else's time is waited for");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
    // The oldest made room, one for each.
    let mut kept = silent.split_off(MORE + 1);
    let gone = timeout(HEADER_READ_TIMEOUT / 2, join_all(silent.iter_mut().map(ended)));
    assert!(gone.await.expect("they are ended").iter().all(String::is_empty));
    for stream in &mut kept {
        let read = stream.try_read(&mut [0; 1]);
        assert!(read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "no other was");
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_little_is_not_waited_for() {
    let address = started().await;
    let begun = Instant::now();
    let (mut silent, mut slow) = (connected(address).await, connected(address).await);
    assert_eq!(ended(&mut silent).await, "");
    assert!(begun.elapsed() < HEADER_READ_TIMEOUT * 2, "{:?}", begun.elapsed());
    // A byte now and then buys no time.
    let begun = Instant::now();
    let (mut reads, mut writes) = slow.split();
    let trickle = async {
        let mut pauses = tokio::time::interval(HEADER_READ_TIMEOUT / 4);
        for byte in b"GET /livez HTTP/1.1\r\nhost: o\r\nx-a: ".iter().cycle() {
            pauses.tick().await;
            if writes.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    };
    let mut told = Vec::new();
    tokio::select! {
        () = trickle => {}
        _ = reads.read_to_end(&mut told) => {}
    }
    assert!(begun.elapsed() < HEADER_READ_TIMEOUT * 3, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_of_its_answers_is_not_waited_for() {
    let address = started().await;
    let mut deaf = connected(address).await;
    let flood = async {
        let piece = "GET /metrics HTTP/1.1\r\nhost: o\r\n\r\n".repeat(1000);
        while deaf.write_all(piece.as_bytes()).await.is_ok() {}
    };
    let begun = Instant::now();
    timeout(NEVER, flood).await.expect("the connection ends");
    assert!(begun.elapsed() < SEND_TIMEOUT * 2, "{:?}", begun.elapsed());
}
