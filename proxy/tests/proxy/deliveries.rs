//! Callers who don't take their answers, and answers that break off.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{Concurrency, Resource};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use crate::controller::{route, with};
use crate::process::{CREDENTIALS, World, free_port};
use crate::requests::{get, local};
use crate::{eventually, soon};

const IMPATIENT: [&str; 2] = ["--send-timeout=1s", "--header-read-timeout=1s"];

/// A route that serves this many at once.
fn limited(port: u16, max: u32) -> Resource {
    with(route("orders", port), |route| {
        route.concurrency = Some(Concurrency { max });
        route.requires.push(feature::CONCURRENCY.to_owned());
    })
}

/// An HTTP/2 connection that lets each answer have this much of its body before it is read, and answers pings. Gives its end.
async fn with_window(port: u16, window: u32) -> (http2::SendRequest<Empty<Bytes>>, tokio::task::JoinHandle<()>) {
    let stream = TcpStream::connect(local(port)).await.unwrap();
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.initial_stream_window_size(window);
    let (sender, connection) = http.handshake(TokioIo::new(stream)).await.unwrap();
    let ended = tokio::spawn(async move {
        // A reset is an end, too.
        let _ = connection.await;
    });
    (sender, ended)
}

fn request(target: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://o{target}")).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn an_answer_that_nobody_takes_over_http2_is_reset_and_its_permit_given_back() {
    let port = free_port();
    let mut world = World::start_with(&IMPATIENT, &CREDENTIALS).await;
    let _session = world.serve(&[limited(port, 2)]).await;
    let (mut sender, _connection) = with_window(port, 0).await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(soon("the head", sender.send_request(request("/large"))).await.unwrap());
    }
    assert_eq!(get(local(port), "/").await.status, 503, "both permits are taken");
    eventually("a permit", || async move { get(local(port), "/").await.status == 200 }).await;
    for answer in answers {
        assert!(soon("the reset", answer.into_body().collect()).await.is_err());
    }
}

#[tokio::test]
async fn the_last_bytes_that_nobody_takes_over_http2_do_not_keep_the_connection() {
    let port = free_port();
    let mut world = World::start_with(&IMPATIENT, &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let (mut sender, ended) = with_window(port, 1).await;
    let answer = soon("the head", sender.send_request(request("/"))).await.unwrap();
    soon("the end of the connection", ended).await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test]
async fn an_answer_that_nobody_takes_over_http1_ends_the_connection_and_gives_its_permit_back() {
    let port = free_port();
    let mut world = World::start_with(&IMPATIENT, &CREDENTIALS).await;
    let _session = world.serve(&[limited(port, 1)]).await;
    let mut caller = TcpStream::connect(local(port)).await.unwrap();
    caller.write_all(b"GET /large HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    caller.readable().await.unwrap();
    assert_eq!(get(local(port), "/").await.status, 503, "the permit is taken");
    eventually("the permit", || async move { get(local(port), "/").await.status == 200 }).await;
    soon("the reset", caller.ready(Interest::ERROR)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_delivered_whole() {
    let port = free_port();
    let mut world = World::start_with(&IMPATIENT, &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut caller = TcpStream::connect(local(port)).await.unwrap();
    caller.write_all(b"GET /large HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n").await.unwrap();
    let begun = tokio::time::Instant::now();
    let (mut read, mut piece) = (0, vec![0; 1 << 20]);
    // Longer than the time that it may take nothing.
    let mut pauses = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        pauses.tick().await;
        match soon("a piece", caller.read(&mut piece)).await.unwrap() {
            0 => break,
            bytes => read += bytes,
        }
    }
    assert!(read > 16 << 20, "{read} bytes");
    assert!(begun.elapsed() > std::time::Duration::from_secs(1), "it was slow");
}

#[tokio::test]
async fn a_broken_answer_never_looks_whole_to_http10() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    for (target, is_whole) in [("/stream", true), ("/break", false)] {
        let mut caller = TcpStream::connect(local(port)).await.unwrap();
        caller.write_all(format!("GET {target} HTTP/1.0\r\nhost: o\r\n\r\n").as_bytes()).await.unwrap();
        world.upstream.until_waiting(1).await;
        world.upstream.state.go_on.add_permits(1);
        let mut answer = String::new();
        let ended = soon("the end", caller.read_to_string(&mut answer)).await;
        assert_eq!(ended.is_ok(), is_whole, "{target}: {ended:?} {answer}");
        world.upstream.state.waiting.store(0, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_not_fetched() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    let before = world.proxy.resident_kib();
    let made = || world.upstream.state.made.load(Ordering::SeqCst);
    /// Returns once nothing more is made for a while.
    async fn until_it_stands(made: impl Fn() -> usize) {
        let (mut seen, mut looks) = (0, tokio::time::interval(Duration::from_millis(200)));
        soon("the end of the making", async {
            while std::mem::replace(&mut seen, made()) != made() || seen == 0 {
                looks.tick().await;
            }
        })
        .await;
    }
    let mut http1 = TcpStream::connect(local(port)).await.unwrap();
    http1.write_all(b"GET /endless HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    until_it_stands(made).await;
    let (mut sender, _connection) = with_window(port, 65_535).await;
    let answer = soon("the head", sender.send_request(request("/endless"))).await.unwrap();
    until_it_stands(made).await;
    let grown = world.proxy.resident_kib().saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB for two answers that nobody takes");
    // Whoever goes on reading gets more.
    let stood = made();
    let mut body = answer.into_body();
    while made() == stood {
        soon("a piece", body.frame()).await.unwrap().unwrap();
    }
    let mut piece = vec![0; 1 << 20];
    let stood = made();
    while made() < stood + (8 << 20) {
        assert_ne!(soon("a piece", http1.read(&mut piece)).await.unwrap(), 0);
    }
}
