//! What a request's body may take, and what happens beyond it.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::Resource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::controller::{route, with};
use crate::process::{CREDENTIALS, World, free_port};
use crate::requests::{Answer, get, local, raw, send};
use crate::{eventually, soon};

async fn post(port: u16, length: usize) -> Answer {
    let request = Request::post(format!("http://{}/", local(port))).body(Full::from(Bytes::from(vec![b'x'; length])));
    send(request.unwrap()).await
}

/// A route whose requests may have ten bytes.
fn of_ten_bytes(port: u16) -> Resource {
    with(route("orders", port), |route| {
        route.max_request_body = 10;
        route.requires.push(feature::MAX_REQUEST_BODY.to_owned());
    })
}

#[tokio::test]
async fn a_routes_own_limit_holds_for_declared_and_for_counted_lengths() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[of_ten_bytes(port)]).await;
    assert_eq!(post(port, 10).await.status, 200);
    let refused = post(port, 11).await;
    assert_eq!((refused.status, refused.json()["detail"].as_str().unwrap().contains("10 bytes")), (413, true));
    let chunked = "POST / HTTP/1.1\r\nhost: o\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
                   6\r\n123456\r\n5\r\n12345\r\n0\r\n\r\n";
    assert!(raw(port, chunked.as_bytes()).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn bodies_beyond_the_memory_for_them_are_refused_and_it_is_given_back() {
    let (port, other) = (free_port(), free_port());
    let mut world = World::start_with(&["--body-memory", "256Ki"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port), route("other", other)]).await;
    assert_eq!(post(port, 64 * 1024).await.status, 200, "a route may have a quarter");
    let refused = post(port, 64 * 1024 + 1).await;
    assert_eq!((refused.status, refused.headers["retry-after"].to_str().unwrap()), (503, "1"));
    assert_eq!(refused.json()["type"], "https://lambdaroute.dev/problems/overloaded");

    // One that is announced takes memory for what has come of it.
    let mut slow = TcpStream::connect(local(port)).await.unwrap();
    let head =
        "POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 60000\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    slow.read_exact(&mut [0; 25]).await.unwrap();
    let admin = world.proxy.admin;
    let shows = |metric: &'static str| async move { get(admin, "/metrics").await.text().contains(metric) };
    assert!(shows("lambdaroute_proxy_body_memory_bytes 0").await);
    slow.write_all(&[b'x'; 59_999]).await.unwrap();
    eventually("its memory to be taken", || shows("lambdaroute_proxy_body_memory_bytes 60000")).await;
    assert_eq!(post(port, 10_000).await.status, 503, "the route's quarter is taken");
    let waits =
        "POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 10000\r\n\r\n";
    let answer = raw(port, waits.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "the body isn't asked for: {answer}");
    assert_eq!(post(other, 10_000).await.status, 200, "another route has its own");
    slow.write_all(b"x").await.unwrap();
    let mut answer = String::new();
    soon("the answer", slow.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"length\":60000"), "{answer}");
    assert_eq!(post(port, 10_000).await.status, 200, "given back when it was sent");

    let mut gone = TcpStream::connect(local(port)).await.unwrap();
    gone.write_all(head.as_bytes()).await.unwrap();
    gone.read_exact(&mut [0; 25]).await.unwrap();
    gone.write_all(&[b'x'; 30_000]).await.unwrap();
    eventually("its memory to be taken", || shows("lambdaroute_proxy_body_memory_bytes 32768")).await;
    drop(gone);
    eventually("the memory of a caller who left", || shows("lambdaroute_proxy_body_memory_bytes 0")).await;
}

#[tokio::test]
async fn a_refused_body_is_read_for_a_while_so_that_its_caller_reads_the_answer() {
    let port = free_port();
    let mut world = World::start_with(&["--body-memory", "64Ki"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let refused = post(port, 4 * 1024 * 1024).await;
    assert_eq!(refused.status, 503);
    assert!(world.proxy.logged("too small for the largest body"), "the operator is told at the start");
}

/// Sends these bytes, and reads until all that is awaited has come.
async fn exchange(stream: &mut TcpStream, bytes: &[u8], awaited: &[&str]) -> String {
    stream.write_all(bytes).await.unwrap();
    let mut answer = String::new();
    while !awaited.iter().all(|part| answer.contains(part)) {
        let mut buffer = [0; 4096];
        let read = soon("more of the answer", stream.read(&mut buffer)).await.unwrap();
        assert!(read > 0, "the connection ended: {answer}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    answer
}

#[tokio::test]
async fn a_refusal_beside_a_short_body_keeps_the_connection() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[of_ten_bytes(port)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    // The rest of the body comes after the answer has begun.
    let begun = b"POST /a HTTP/1.1\r\nhost: o\r\ncontent-length: 11\r\n\r\n12345";
    let refused = exchange(&mut stream, begun, &["HTTP/1.1 413 ", "request_too_large"]).await;
    assert!(!refused.contains("connection:"), "{refused}");
    let next = exchange(&mut stream, b"678901GET /next HTTP/1.1\r\nhost: o\r\n\r\n", &["HTTP/1.1 200 ", "/next"]).await;
    assert!(!next.contains("connection:"), "{next}");
}

#[tokio::test]
async fn a_refusal_after_which_the_connection_ends_says_so() {
    let port = free_port();
    let mut world = World::start_with(&["--body-idle-timeout=1s"], &CREDENTIALS).await;
    let _session = world.serve(&[of_ten_bytes(port)]).await;
    let long = format!("content-length: 70000\r\n\r\n{}", "x".repeat(70_000));
    for (rest, status) in [
        (long.as_str(), "413"),
        ("expect: 100-continue\r\ncontent-length: 11\r\n\r\n", "413"),
        ("transfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n", "413"),
        ("transfer-encoding: chunked\r\n\r\n-\r\n", "400"),
        ("content-length: 10\r\n\r\n123", "408"),
    ] {
        let answer = raw(port, format!("POST / HTTP/1.1\r\nhost: o\r\n{rest}").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{rest:.40}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{rest:.40}: {answer}");
    }
}

#[tokio::test]
async fn a_request_is_signed_once_its_body_is_there() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let second = || jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nhost: o\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbod";
    stream.write_all(head).await.unwrap();
    let begun = second();
    eventually("a later second", || async { second() > begun }).await;
    let whole = second();
    stream.write_all(b"y").await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    let echo: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let date = crate::requests::echoed(&echo, "x-amz-date").unwrap();
    assert!(date >= whole.as_str(), "{date} is before {whole}: AWS counts five minutes from it");
}
