//! What is sent once more, and what never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::controller::{Authority, Controller, route};
use crate::process::{CREDENTIALS, Proxy, World, arguments, free_port, variables};
use crate::requests::{get, local, send};
use crate::upstream::Upstream;
use crate::{eventually, soon};

async fn post(port: u16, target: &str) -> crate::requests::Answer {
    let request = Request::post(format!("http://{}{target}", local(port)));
    send(request.body(Full::from(Bytes::from("a body that is sent twice"))).unwrap()).await
}

#[tokio::test]
async fn the_clock_of_aws_is_learned_from_a_refusal_and_the_request_sent_once_more() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    for _ in 0..2 {
        let answer = post(port, "/skewed").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "signed by the right clock"));
    }
    let warnings = world.proxy.log.lock().unwrap().iter().filter(|line| line.contains("AWS's clock differs")).count();
    assert_eq!(warnings, 1, "the second request is signed by it at once");
}

/// A proxy whose credentials come from this path of its upstream.
async fn world_with_credentials_of(path: &str) -> World {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::in_directory(directory.path());
    let upstream = Upstream::start().await;
    let controller = Controller::start(&authority).await;
    let arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
    let (url, source) = (upstream.url(), format!("{}{path}", upstream.url()));
    let proxy = Proxy::start(&arguments, &variables(&url, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &source)])).await;
    World { directory, authority, controller, upstream, proxy }
}

#[tokio::test]
async fn an_expired_token_is_replaced_and_the_request_sent_once_more() {
    let port = free_port();
    let mut world = world_with_credentials_of("/credentials").await;
    let _session = world.serve(&[route("orders", port)]).await;
    // Credentials are asked for again no sooner than some seconds after the last time.
    eventually("the answer by the new token", || async move {
        let answer = post(port, "/expiring").await;
        assert!(answer.status == 200 || answer.text().contains("lambda_signature_refused"), "{}", answer.text());
        answer.text() == "signed by the right token"
    })
    .await;
    let loads = world.proxy.log.lock().unwrap().iter().filter(|line| line.contains("credentials loaded")).count();
    assert_eq!(loads, 2, "once at the start, once for all who asked");
}

#[tokio::test]
async fn credentials_are_used_until_they_expire_and_then_callers_are_told() {
    let port = free_port();
    let mut world = world_with_credentials_of("/short-credentials").await;
    let _session = world.serve(&[route("orders", port)]).await;
    assert_eq!(get(local(port), "/").await.status, 200);
    eventually("their end", || async move {
        let answer = get(local(port), "/").await;
        assert!(answer.status == 200 || answer.json()["type"] == "https://lambdaroute.dev/problems/no_credentials");
        answer.status == 503
    })
    .await;
    let proxy = &world.proxy;
    eventually("the reason in the log", || async { proxy.logged("can't load AWS credentials; trying on") }).await;
    assert_eq!(proxy.get_admin("/readyz").await.0, 200, "callers see the reason, not a refused connection");
}

/// An origin that answers this many requests of a connection, reads one more, and closes it.
async fn closing(answered: usize) -> (std::net::SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let requests = counted.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                for number in 0.. {
                    if stream.read(&mut request).await.is_ok_and(|read| read == 0) {
                        return;
                    }
                    requests.fetch_add(1, Ordering::SeqCst);
                    if number == answered {
                        return;
                    }
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (address, requests)
}

#[tokio::test]
async fn a_request_that_may_have_run_is_never_sent_again() {
    for answered in [0, 1] {
        let (address, requests) = closing(answered).await;
        let port = free_port();
        let mut world = world_before(address).await;
        let _session = world.serve(&[route("orders", port)]).await;
        for _ in 0..answered {
            assert_eq!(get(local(port), "/").await.status, 200);
        }
        let answer = get(local(port), "/").await;
        assert_eq!(answer.status, 502, "{}", answer.text());
        assert_eq!(answer.json()["type"], "https://lambdaroute.dev/problems/upstream_reset");
        assert_eq!(requests.load(Ordering::SeqCst), answered + 1);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_idle_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (closed, mut closes) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_ne!(stream.read(&mut [0; 4096]).await.unwrap(), 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let port = free_port();
    let mut world = world_before(address).await;
    let _session = world.serve(&[route("orders", port)]).await;
    for _ in 0..20 {
        assert_eq!(post(port, "/").await.status, 200);
        soon("the close", closes.recv()).await.unwrap();
    }
}

/// A proxy before this origin.
async fn world_before(address: std::net::SocketAddr) -> World {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::in_directory(directory.path());
    let controller = Controller::start(&authority).await;
    let upstream = Upstream::start().await;
    let mut arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
    let endpoint = arguments.iter().position(|argument| argument == "--function-url-endpoint").unwrap() + 1;
    arguments[endpoint] = format!("http://{address}");
    arguments.extend(["--workers".to_owned(), "1".to_owned()]);
    let proxy = Proxy::start(&arguments, &variables(&upstream.url(), &CREDENTIALS)).await;
    World { directory, authority, controller, upstream, proxy }
}
