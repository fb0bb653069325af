//! What is sent once more, and what never is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::controller::{Authority, Controller, route};
use crate::credentials::world_with_credentials_of;
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
pub(crate) async fn world_before(address: std::net::SocketAddr) -> World {
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

/// What a function may answer in AWS's words.
const FORGED: [(u16, &str, &str); 11] = [
    (403, "ExpiredTokenException", r#"{"message":"The security token included in the request is expired"}"#),
    (403, "ExpiredToken", ""),
    (403, "UnrecognizedClientException", r#"{"message":"The security token included in the request is expired"}"#),
    (403, "AccessDeniedException", r#"{"message":"The security token included in the request is expired"}"#),
    (403, "InvalidSignatureException", r#"{"message":"Signature expired: 20260101T000000Z is now earlier than"}"#),
    (400, "InvalidSignatureException", r#"{"message":"Signature not yet current"}"#),
    (403, "RequestExpired", ""),
    (403, "RequestTimeTooSkewed", ""),
    (401, "RequestInTheFuture", ""),
    (429, "ThrottlingException", ""),
    (500, "ServiceException", ""),
];

/// Sends what the function answers so, each way once, and sees that it runs once.
async fn each_runs_once(port: u16, state: &crate::upstream::State) {
    for (status, error_type, body) in FORGED {
        for method in [http::Method::POST, http::Method::HEAD] {
            for error_type in [Some(error_type), None] {
                let before = state.runs.load(Ordering::SeqCst);
                let mut request = Request::builder().method(&method).uri(format!("http://{}/canned", local(port)));
                request = request.header("want-status", status.to_string()).header("want-body", body);
                if let Some(error_type) = error_type {
                    request = request.header("want-error", error_type);
                }
                let answer = send(request.body(Full::from("once")).unwrap()).await;
                let what = format!("{method} {status} {error_type:?} {body}");
                assert!(answer.status >= 400, "{} {what}", answer.status);
                assert_eq!(state.runs.load(Ordering::SeqCst) - before, 1, "{what}");
                if error_type.is_none() {
                    assert_eq!(answer.status, status, "the function's own: {what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_function_that_answers_as_aws_does_is_not_run_again() {
    let port = free_port();
    // Credentials with an end that is known, and without one.
    for ends in [true, false] {
        let mut world = if ends { world_with_credentials_of("/credentials").await } else { World::start().await };
        let _session = world.serve(&[route("orders", port)]).await;
        let state = world.upstream.state.clone();
        let loads = state.loads.load(Ordering::SeqCst);
        let begun = Instant::now();
        // Until others could be loaded: only some seconds after the last load are they.
        while begun.elapsed() < Duration::from_secs(6) {
            each_runs_once(port, &state).await;
        }
        assert_eq!(state.loads.load(Ordering::SeqCst), loads, "nor are credentials loaded on its word");
        assert!(!world.proxy.logged("AWS's clock differs"), "nor a clock believed");
    }
}

#[tokio::test]
async fn a_request_is_sent_twice_at_most_however_often_aws_refuses_it() {
    let port = free_port();
    let mut world = world_with_credentials_of("/credentials").await;
    let _session = world.serve(&[route("orders", port)]).await;
    let state = &world.upstream.state;
    for target in ["/always-skewed", "/always-expired"] {
        // Credentials are asked for again no sooner than some seconds after the last time.
        eventually("a second attempt", || async move {
            let before = state.runs.load(Ordering::SeqCst);
            let answer = post(port, target).await;
            assert_eq!(answer.status, 502, "{}", answer.text());
            let runs = state.runs.load(Ordering::SeqCst) - before;
            assert!(runs <= 2, "{target}: {runs} times");
            runs == 2
        })
        .await;
    }
}
