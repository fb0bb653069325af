//! What a caller gets back, and whose failure it is.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::controller::route;
use crate::process::{CREDENTIALS, World, free_port};
use crate::requests::{get, local, raw, send};
use crate::retries::world_before;
use crate::{eventually, soon};

async fn canned(port: u16, status: u16, error_type: Option<&str>, body: &str) -> crate::requests::Answer {
    let mut request = Request::get(format!("http://{}/canned", local(port)))
        .header("want-status", status.to_string())
        .header("want-body", body);
    if let Some(error_type) = error_type {
        request = request.header("want-error", error_type);
    }
    send(request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn the_functions_own_answer_passes_untouched() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    for status in [200, 404, 403, 500, 502, 503] {
        let answer = canned(port, status, None, r#"{"message":"mine"}"#).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, r#"{"message":"mine"}"#));
        assert!(answer.headers.get("proxy-status").is_none());
    }
    let answer = get(local(port), "/remapped").await;
    assert_eq!((answer.status, &answer.headers["www-authenticate"]), (401, &"Basic".parse().unwrap()));
    assert!(answer.headers.get("x-amzn-remapped-date").is_none());
}

#[tokio::test]
async fn a_refusal_of_aws_is_told_to_caller_controller_and_metrics() {
    let port = free_port();
    let mut world = World::start().await;
    let mut session = world.serve(&[route("orders", port)]).await;
    for (status, error_type, body, cause, told) in [
        (403, "AccessDeniedException", r#"{"Message":"Forbidden"}"#, "lambda_access_denied", 502),
        (403, "AccessDeniedException", r#"{"Message":null}"#, "function_url_gone", 502),
        (403, "InvalidSignatureException", "{}", "lambda_signature_refused", 502),
        (429, "TooManyRequestsException", "{}", "lambda_throttled", 429),
        (413, "RequestTooLargeException", "{}", "lambda_request_too_large", 413),
        (500, "ServiceException", "{}", "lambda_unavailable", 503),
    ] {
        let answer = canned(port, status, Some(error_type), body).await;
        assert_eq!(answer.status, told, "{cause}");
        assert_eq!(answer.json()["type"], format!("https://lambdaroute.dev/problems/{cause}"));
        assert_eq!(answer.headers.contains_key("retry-after"), cause == "lambda_throttled");
        assert!(!answer.text().contains("InvokeFunction"), "what to do is for the operator");
        session
            .until(cause, |session| {
                session.reports.iter().flat_map(|r| &r.causes).any(|c| c.cause == cause && c.route_id == "orders")
            })
            .await;
        let (_, metrics) = world.proxy.get_admin("/metrics").await;
        assert!(
            metrics.contains(&format!("lambdaroute_proxy_upstream_errors_total{{cause=\"{cause}\"}} 1")),
            "{metrics}"
        );
    }
    assert!(world.proxy.logged("lambda:InvokeFunctionUrl"), "the operator reads the remedy");
    for planted in ["planted-secret", "planted-token"] {
        assert!(!world.proxy.logged(planted));
    }
}

#[tokio::test]
async fn a_failed_function_keeps_the_answer_of_aws() {
    let port = free_port();
    let mut world = World::start().await;
    let mut session = world.serve(&[route("orders", port)]).await;
    let answer = canned(port, 502, None, "Internal Server Error").await;
    assert_eq!((answer.status, answer.text().as_str()), (502, "Internal Server Error"));
    assert_eq!(
        answer.headers["proxy-status"],
        "lambdaroute; error=destination_unavailable; details=\"function_error\""
    );
    session
        .until("the report", |s| s.reports.iter().flat_map(|r| &r.causes).any(|c| c.cause == "function_error"))
        .await;
}

#[tokio::test]
async fn an_answer_is_streamed_from_its_first_byte() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{}/stream", local(port))).body(Full::<Bytes>::default()).unwrap();
    let mut body = soon("headers", client.request(request)).await.unwrap().into_body();
    let first = soon("the first piece", body.frame()).await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "first ", "it comes while the function still runs");
    world.upstream.state.go_on.add_permits(1);
    assert_eq!(soon("the rest", body.collect()).await.unwrap().to_bytes(), "last");
}

#[tokio::test]
async fn an_answer_that_breaks_off_never_looks_whole() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    stream.write_all(b"GET /break HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    world.upstream.until_waiting(1).await;
    world.upstream.state.go_on.add_permits(1);
    let mut answer = String::new();
    let _ = soon("the end of the connection", stream.read_to_string(&mut answer)).await;
    assert!(answer.contains("first ") && !answer.contains("\r\n0\r\n"), "{answer}");
    let admin = world.proxy.admin;
    eventually("the cause in the metrics", || async move {
        get(admin, "/metrics").await.text().contains(r#"code="2xx",cause="upstream_reset"} 1"#)
    })
    .await;
}

#[tokio::test]
async fn a_caller_who_leaves_cancels_the_upstream_request() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    stream.write_all(b"GET /wait HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    world.upstream.until_waiting(1).await;
    drop(stream);
    let state = &world.upstream.state;
    eventually("the upstream request to be given up", || async move { state.cancelled.load(Ordering::SeqCst) == 1 })
        .await;
}

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_is_told_as_such() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    world.upstream.stop().await;
    let answer = get(local(port), "/").await;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str()),
        (502, Some("https://lambdaroute.dev/problems/upstream_unreachable"))
    );
}

#[tokio::test]
async fn connections_to_the_upstream_are_kept_alive() {
    let port = free_port();
    // Each worker has connections of its own.
    let mut world = World::start_with(&["--workers", "1"], &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let before = world.upstream.state.connections.load(Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(get(local(port), "/").await.status, 200);
    }
    assert_eq!(world.upstream.state.connections.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn a_head_request_keeps_the_length_of_what_it_does_not_get() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    stream.write_all(b"HEAD / HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.contains("content-length: ") && answer.ends_with("\r\n\r\n"), "{answer}");
}

/// An origin that answers each connection's first request with these bytes.
async fn answering(answer: &'static [u8]) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    address
}

#[tokio::test]
async fn informational_answers_are_dropped_and_the_final_one_passes() {
    let origin = answering(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
          HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    let port = free_port();
    let mut world = world_before(origin.await).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let answer = raw(port, b"GET / HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nok"), "{answer}");
    assert!(!answer.contains("link"), "{answer}");
}

#[tokio::test]
async fn an_answer_passes_line_by_line_and_byte_by_byte() {
    let origin = answering(
        b"HTTP/1.1 200 OK\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\ncontent-encoding: gzip\r\n\
          vary: accept-encoding\r\netag: \"x\"\r\nconnection: x-hop, keep-alive\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n\
          content-length: 4\r\n\r\n\x1f\x8b\xff\x00",
    );
    let port = free_port();
    let mut world = world_before(origin.await).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let answer = get(local(port), "/").await;
    assert_eq!(&answer.body[..], b"\x1f\x8b\xff\x00", "nothing is unpacked");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    for (name, value) in
        [("content-encoding", "gzip"), ("vary", "accept-encoding"), ("etag", "\"x\""), ("content-length", "4")]
    {
        assert_eq!(answer.headers[name], value);
    }
    for hop in ["x-hop", "keep-alive", "connection"] {
        assert!(!answer.headers.contains_key(hop), "{hop}");
    }
}

/// An origin that answers every request so, on connections that it keeps. Tells how many it had.
async fn answering_on(answer: &'static [u8]) -> (std::net::SocketAddr, std::sync::Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), std::sync::Arc::<AtomicUsize>::default());
    let counted = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer).await;
                }
            });
        }
    });
    (address, connections)
}

#[tokio::test]
async fn what_follows_an_answer_unasked_reaches_no_other_caller() {
    for first in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"[..],
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\npoison",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    ] {
        let (origin, connections) = answering_on(first).await;
        let port = free_port();
        let mut world = world_before(origin).await;
        let _session = world.serve(&[route("orders", port)]).await;
        for number in 1..=5 {
            let answer = get(local(port), "/").await;
            assert!(!answer.text().contains("poison"), "{number}: {} {}", answer.status, answer.text());
            assert!([200, 204, 304].contains(&answer.status), "{number}: {} {}", answer.status, answer.text());
            assert_eq!(connections.load(Ordering::SeqCst), number, "such a connection isn't used again");
        }
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_as_a_failure_and_without_its_words() {
    let large: &'static str = Box::leak(format!("HTTP/1.1 200 OK\r\nx-a: {}\r\n\r\n", "b".repeat(200_000)).into());
    for answer in [
        "planted\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nplanted",
        "HTTP/1.1 200 OK\r\nplanted\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: planted\r\n\r\n",
        large,
    ] {
        let port = free_port();
        let mut world = world_before(answering(answer.as_bytes()).await).await;
        let _session = world.serve(&[route("orders", port)]).await;
        let told = get(local(port), "/").await;
        assert_eq!(told.status, 502, "{answer:.60}: {}", told.text());
        assert_eq!(told.json()["type"], "https://lambdaroute.dev/problems/upstream_reset", "{answer:.60}");
        assert!(!told.text().contains("planted") && !told.text().contains("127.0.0.1"), "{}", told.text());
    }
}
