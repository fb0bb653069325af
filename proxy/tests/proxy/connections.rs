//! What callers may do on their connections, and who serves them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::controller::route;
use crate::hardening::frames::{END_HEADERS, END_STREAM, HEADERS, SETTINGS, block, frame, told};
use crate::process::{CREDENTIALS, World, free_port};
use crate::requests::{get, local, raw};
use crate::{eventually, soon};

async fn connected(port: u16) -> http1::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(local(port)).await.unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(target: &str) -> Request<Empty<Bytes>> {
    Request::get(target).header("host", "o").body(Empty::new()).unwrap()
}

#[tokio::test]
async fn connections_are_shared_out_evenly_over_all_workers() {
    let port = free_port();
    let mut world = World::start_with(&["--workers", "4"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let before = world.upstream.state.connections.load(Ordering::SeqCst);
    let mut callers = Vec::new();
    for _ in 0..8 {
        let mut caller = connected(port).await;
        let answer = soon("an answer", caller.send_request(request("/"))).await.unwrap();
        answer.into_body().collect().await.unwrap();
        callers.push(caller);
    }
    // Each worker has its own connections to the upstream, and takes one again for its next request.
    let after = world.upstream.state.connections.load(Ordering::SeqCst);
    assert_eq!(after - before, 4, "eight connections of callers, two on each of four workers");
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    let port = free_port();
    let mut world = World::start_with(&["--max-connections", "2"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut caller = connected(port).await;
        assert_eq!(soon("an answer", caller.send_request(request("/"))).await.unwrap().status(), 200);
        kept.push(caller);
    }
    let mut refused = TcpStream::connect(local(port)).await.unwrap();
    assert_eq!(soon("the end", refused.read(&mut [0; 1])).await.unwrap_or(0), 0);
    let admin = world.proxy.admin;
    let metrics = get(admin, "/metrics").await.text();
    assert!(metrics.contains("lambdaroute_proxy_connections_refused_total 1"), "{metrics}");
    assert!(metrics.contains("lambdaroute_proxy_open_files_limit "), "{metrics}");
    kept.pop();
    eventually("a place to be free", || async move {
        get(admin, "/metrics").await.text().contains("lambdaroute_proxy_connections 1")
    })
    .await;
    let mut next = connected(port).await;
    assert_eq!(soon("an answer", next.send_request(request("/"))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn after_its_last_request_a_connection_is_closed_and_the_caller_told() {
    let port = free_port();
    let mut world = World::start_with(&["--max-requests-per-connection", "2"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut caller = connected(port).await;
    let first = soon("an answer", caller.send_request(request("/"))).await.unwrap();
    assert!(first.headers().get("connection").is_none());
    first.into_body().collect().await.unwrap();
    let last = soon("an answer", caller.send_request(request("/"))).await.unwrap();
    assert_eq!((last.status().as_u16(), last.headers()["connection"].to_str().unwrap()), (200, "close"));

    let stream = TcpStream::connect(local(port)).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(connection);
    for _ in 0..2 {
        let request = Request::get("http://o/").body(Empty::<Bytes>::new()).unwrap();
        let answer = soon("an answer", sender.send_request(request)).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
    soon("the end after GOAWAY", ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_head_that_is_too_large_is_told_so() {
    let port = free_port();
    let flags = ["--max-header-bytes", "8Ki", "--max-header-count", "20"];
    let mut world = World::start_with(&flags, &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let large = format!("GET / HTTP/1.1\r\nhost: o\r\nconnection: close\r\nx-large: {}\r\n\r\n", "x".repeat(9000));
    let many = format!("GET / HTTP/1.1\r\nhost: o\r\nconnection: close\r\n{}\r\n", "x-many: 1\r\n".repeat(20));
    for request in [large, many] {
        let answer = raw(port, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 ") && answer.contains("problems/headers_too_large"), "{answer}");
    }
    let larger = format!("GET / HTTP/1.1\r\nhost: o\r\nx-large: {}\r\n\r\n", "x".repeat(200_000));
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    let _ = stream.write_all(larger.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_busy_connection_leaves_room_for_others_on_its_core() {
    let port = free_port();
    let flags = ["--workers", "1", "--max-requests-per-connection", "1000000000"];
    let mut world = World::start_with(&flags, &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut busy = TcpStream::connect(local(port)).await.unwrap();
    let (mut reads, mut writes) = busy.split();
    let flood = async {
        let piece = "GET /none HTTP/1.1\r\nhost: o\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".repeat(100);
        while writes.write_all(piece.as_bytes()).await.is_ok() {}
    };
    let drain = async {
        let mut answers = vec![0; 64 * 1024];
        while reads.read(&mut answers).await.is_ok_and(|read| read > 0) {}
    };
    let other = async {
        for _ in 0..20 {
            assert_eq!(get(local(port), "/").await.status, 200);
        }
    };
    tokio::select! {
        () = flood => panic!("the busy connection ended"),
        () = drain => panic!("the busy connection ended"),
        () = soon("answers beside the busy connection", other) => {}
    }
}

/// Sends one byte after the other, until the other end has enough of it. Tells how many it took.
async fn trickle(stream: &mut TcpStream, bytes: &[u8], pause: Duration) -> usize {
    stream.set_nodelay(true).unwrap();
    let (reads, mut writes) = stream.split();
    let mut pauses = tokio::time::interval(pause);
    for (sent, byte) in bytes.iter().enumerate() {
        tokio::select! {
            _ = pauses.tick() => {}
            _ = reads.readable() => return sent,
        }
        if writes.write_all(&[*byte]).await.is_err() {
            return sent;
        }
    }
    bytes.len()
}

#[tokio::test]
async fn the_protocol_is_told_however_its_first_bytes_come() {
    let port = free_port();
    let mut world = World::start_with(&["--header-read-timeout=3s"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let pause = Duration::from_millis(5);
    // It begins as HTTP/2 does.
    let http1 = b"PRI /a HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    trickle(&mut stream, http1, pause).await;
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""method":"PRI""#), "{answer}");

    let headers = [(":method", "GET"), (":scheme", "http"), (":authority", "o"), (":path", "/a")];
    let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&headers));
    let http2 = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[]), request].concat();
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    let (preface, rest) = http2.split_at(24);
    assert_eq!(trickle(&mut stream, preface, pause).await, preface.len());
    stream.write_all(rest).await.unwrap();
    let mut answer = Vec::new();
    soon("the end of the idle connection", stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(told(&answer), "200 (function: `GET /a`)");
}

#[tokio::test]
async fn a_connection_that_does_not_tell_its_protocol_in_time_is_closed() {
    let port = free_port();
    let mut world = World::start_with(&["--header-read-timeout=1s"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(local(port)).await.unwrap();
    silent.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let _ = soon("the end", silent.read_to_end(&mut Vec::new())).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "not before its time");
    // Each byte comes soon after the one before, and buys no time.
    for bytes in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"GET / HTTP/1.1\r\nhost: o\r\nx-a: b\r\n"] {
        let mut slow = TcpStream::connect(local(port)).await.unwrap();
        let taken = soon("the end", trickle(&mut slow, bytes, Duration::from_millis(300))).await;
        assert!(taken < bytes.len(), "{taken}");
        assert_eq!(soon("the end", slow.read(&mut [0; 1])).await.unwrap_or(0), 0);
    }
    let admin = world.proxy.admin;
    eventually("none is left", || async move {
        get(admin, "/metrics").await.text().contains("lambdaroute_proxy_connections 0")
    })
    .await;
}
