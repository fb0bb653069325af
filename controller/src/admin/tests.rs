//! What the admin port answers.

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn however_many_connect_and_say_nothing_the_next_is_answered_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let admin = Admin { readiness: Readiness::default(), registry: Registry::default() };
    tokio::spawn(serve(listener, Arc::new(admin)));
    let mut silent = Vec::new();
    for _ in 0..AT_ONCE * 2 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut probe = TcpStream::connect(address).await.unwrap();
    probe.write_all(b"GET /livez HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let answered = tokio::time::timeout(HEAD / 2, probe.read_to_string(&mut answer)).await;
    answered.expect("nobody else's time is waited for").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut ended = 0;
    for stream in &mut silent[..AT_ONCE] {
        ended += usize::from(tokio::time::timeout(HEAD / 2, stream.read(&mut [0; 1])).await.is_ok());
    }
    assert_eq!(ended, AT_ONCE, "no more are kept than may be");
}

async fn get(admin: &Admin, path: &str) -> (u16, String) {
    let response = answer(admin, &Method::GET, path);
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let readiness = Readiness::default();
    let admin = Admin { readiness: readiness.clone(), registry: Registry::default() };
    assert_eq!(get(&admin, "/readyz").await, (200, "ok\n".to_owned()));
    let pods = readiness.require("pods", "not listed yet");
    assert_eq!(get(&admin, "/readyz").await, (503, "pods: not listed yet\n".to_owned()));
    assert_eq!(get(&admin, "/livez").await.0, 200);
    pods.met();
    assert_eq!(get(&admin, "/readyz").await.0, 200);
    assert_eq!(get(&admin, "/other").await.0, 404);
}

#[tokio::test]
async fn metrics_have_the_prefix() {
    let mut registry = Registry::with_prefix("lambdaroute_controller");
    let table = crate::table::RouteTable::new(crate::table::Settings::default());
    let metrics = crate::metrics::Metrics::register(&mut registry, table);
    metrics.leading(7);
    metrics.reported("function_error", 2);
    metrics.reported("no such cause", 5);
    let admin = Admin { readiness: Readiness::default(), registry };
    let (status, body) = get(&admin, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "lambdaroute_controller_leader 1",
        "lambdaroute_controller_leader_epoch 7",
        "lambdaroute_controller_reported_causes_total{cause=\"function_error\"} 2",
        "lambdaroute_controller_connected_proxies 0",
    ] {
        assert!(body.contains(line), "{line} is missing in\n{body}");
    }
    assert!(!body.contains("no such cause"));
}
