//! How long a function may take, as its route says.

use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::Timeouts;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::controller::{route, with};
use crate::process::{World, free_port};
use crate::requests::{get, local};
use crate::{eventually, soon};

#[tokio::test]
async fn a_function_that_does_not_begin_to_answer_in_time_is_given_up() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[timed(port, 200, 0)]).await;
    let answer = get(local(port), "/wait").await;
    assert_eq!((answer.status, answer.json()["type"].as_str()), (504, Some(TIMEOUT)));
    let state = &world.upstream.state;
    eventually("the request to be cancelled", || async move {
        state.cancelled.load(std::sync::atomic::Ordering::SeqCst) == 1
    })
    .await;
    assert_eq!(get(local(port), "/").await.status, 200);
}

#[tokio::test]
async fn an_answer_that_stalls_is_aborted_and_never_looks_whole() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[timed(port, 0, 200)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: o\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = soon("the end of the connection", stream.read_to_string(&mut answer)).await;
    assert!(answer.contains("first ") && !answer.contains("\r\n0\r\n"), "{answer}");
    let admin = world.proxy.admin;
    eventually("the cause in the metrics", || async move {
        get(admin, "/metrics").await.text().contains(r#"code="2xx",cause="upstream_timeout"} 1"#)
    })
    .await;
}

const TIMEOUT: &str = "https://lambdaroute.dev/problems/upstream_timeout";

fn timed(port: u16, first_byte_ms: u64, stream_idle_ms: u64) -> lambdaroute_proxy_config::v1alpha1::Resource {
    with(route("orders", port), |route| {
        route.timeouts = Some(Timeouts { first_byte_ms, stream_idle_ms });
        route.requires.push(feature::TIMEOUTS.to_owned());
    })
}
