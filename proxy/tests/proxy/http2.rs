//! What is different for callers over HTTP/2: many requests on one connection, each of which ends by itself.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::controller::route;
use crate::hardening::frames::{END_HEADERS, END_STREAM, GOAWAY, HEADERS, SETTINGS, block, frame};
use crate::process::{CREDENTIALS, World, free_port};
use crate::requests::local;
use crate::{eventually, soon};

async fn connected(port: u16) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(local(port)).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(target: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://o{target}")).body(Empty::new()).unwrap()
}

const PING: u8 = 6;
const ACK: u8 = 1;

/// What the first whole frame of this kind among these bytes carries.
fn first(kind: u8, mut bytes: &[u8]) -> Option<&[u8]> {
    while bytes.len() >= 9 {
        let length = usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2]);
        if bytes[3] == kind {
            return bytes.get(9..9 + length);
        }
        bytes = bytes.get(9 + length..).unwrap_or_default();
    }
    None
}

#[tokio::test]
async fn a_drain_says_goaway_and_what_is_in_flight_ends() {
    let port = free_port();
    let quick = ["--leave-timeout", "0s", "--propagation-delay", "0s"];
    let mut world = World::start_with(&quick, &CREDENTIALS).await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    let headers = [(":method", "GET"), (":scheme", "http"), (":authority", "o"), (":path", "/wait")];
    let request = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&headers));
    let bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[]), request].concat();
    stream.write_all(&bytes).await.unwrap();
    world.upstream.until_waiting(1).await;
    world.proxy.signal(rustix::process::Signal::TERM);
    let mut told = Vec::new();
    while first(GOAWAY, &told).is_none() || first(PING, &told).is_none() {
        let read = soon("GOAWAY, and a ping that tells when it was read", stream.read_buf(&mut told)).await.unwrap();
        assert_ne!(read, 0, "the connection ended while a request was in flight");
    }
    assert!(first(HEADERS, &told).is_none(), "it is told before the answer");
    let ping = first(PING, &told).unwrap().to_vec();
    stream.write_all(&frame(PING, ACK, 0, &ping)).await.unwrap();
    world.upstream.state.go_on.add_permits(1);
    soon("the end of the connection", stream.read_to_end(&mut told)).await.unwrap();
    assert!(told.windows(6).any(|part| part == b"waited"), "{}", String::from_utf8_lossy(&told));
    assert_eq!(world.proxy.exit().await.code(), Some(0));
}

#[tokio::test]
async fn an_answer_that_breaks_off_resets_its_stream_and_no_other() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut sender = connected(port).await;
    let broken = soon("headers", sender.send_request(request("/break"))).await.unwrap();
    let other = tokio::spawn(sender.send_request(request("/wait")));
    world.upstream.until_waiting(2).await;
    world.upstream.state.go_on.add_permits(2);
    let error = soon("the reset", broken.into_body().collect()).await.expect_err("it isn't whole");
    assert!(format!("{error:?}").contains("Reset"), "{error:?}");
    let other = soon("the other's answer", other).await.unwrap().unwrap();
    assert_eq!(soon("its body", other.into_body().collect()).await.unwrap().to_bytes(), "waited");
}

#[tokio::test]
async fn a_caller_who_resets_a_stream_cancels_its_upstream_request_and_no_other() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let state = &world.upstream.state;
    let mut sender = connected(port).await;
    let left = tokio::spawn(sender.send_request(request("/wait")));
    world.upstream.until_waiting(1).await;
    let other = tokio::spawn(sender.send_request(request("/wait")));
    world.upstream.until_waiting(2).await;
    left.abort();
    eventually("the upstream request to be given up", || async { state.cancelled.load(Ordering::SeqCst) == 1 }).await;
    state.go_on.add_permits(1);
    assert_eq!(soon("the other's answer", other).await.unwrap().unwrap().status(), 200);
    assert_eq!(state.cancelled.load(Ordering::SeqCst), 1);
    // In the middle of an answer, too.
    let streaming = soon("headers", sender.send_request(request("/stream"))).await.unwrap();
    world.upstream.until_waiting(3).await;
    drop(streaming);
    eventually("the answer to be given up", || async { state.cancelled.load(Ordering::SeqCst) == 2 }).await;
}
