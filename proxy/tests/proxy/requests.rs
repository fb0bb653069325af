//! What a caller sends, and what of it arrives.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::AuthType;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::auth::route_that;
use crate::controller::{HOST, route, route_with};
use crate::process::{CREDENTIALS, World, free_port};
use crate::soon;
use crate::token_issuer::SigningKey;

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }
}

/// The echoed value of a header; absent: it didn't arrive.
pub(crate) fn echoed<'a>(echo: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    let headers = echo["headers"].as_array().unwrap();
    let mut values = headers.iter().filter(|header| header[0] == name);
    let value = values.next();
    assert!(values.next().is_none(), "{name} arrived twice");
    value.and_then(|header| header[1].as_str())
}

pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    send(Request::get(format!("http://{address}{target}")).body(Full::default()).unwrap()).await
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = soon("an answer", client.request(request)).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = soon("the answer's body", body.collect()).await.unwrap().to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// Sends bytes as they are, gives back everything until the connection ends.
pub(crate) async fn raw(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end of the connection", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_arrives_signed_and_in_one_form() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let echo = get(local(port), "/a//b/../c%2fd?z=1&a=x+y&a=0&%ff&X-Amz-Date=1").await.json();
    assert_eq!(echo["target"], "/a/c%2fd?z=1&a=x%20y&a=0&%FF=");
    assert_eq!(echoed(&echo, "host"), Some(HOST));
    assert_eq!(echoed(&echo, "x-amz-security-token"), Some("planted-token"));
    assert_eq!(echoed(&echo, "content-length"), None, "a GET without a body stays without one");
    assert_eq!(echoed(&echo, "x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(echoed(&echo, "x-forwarded-proto"), Some("http"));
    assert_eq!(echoed(&echo, "x-forwarded-host"), Some(format!("127.0.0.1:{port}").as_str()));
    let authorization = echoed(&echo, "authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(
        authorization.contains("/eu-west-1/lambda/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, ")
    );
}

#[tokio::test]
async fn a_binary_body_of_4_mib_arrives_whole_with_its_hash() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let body: Vec<u8> = (0..4 * 1024 * 1024u32).map(|n| (n % 251) as u8).collect();
    let request = Request::post(format!("http://{}/", local(port))).header("content-type", "application/octet-stream");
    let echo = send(request.body(Full::from(body.clone())).unwrap()).await.json();
    let sha256 = hex::encode(Sha256::digest(&body));
    assert_eq!((echo["length"].as_u64(), echo["sha256"].as_str()), (Some(4_194_304), Some(sha256.as_str())));
    assert_eq!(echoed(&echo, "x-amz-content-sha256"), Some(sha256.as_str()));
    assert_eq!(echoed(&echo, "content-length"), Some("4194304"));
    let signed = "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, ";
    assert!(echoed(&echo, "authorization").unwrap().contains(signed));
}

#[tokio::test]
async fn a_chunked_body_leaves_with_its_length_and_without_its_trailers() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let request = "PUT / HTTP/1.1\r\nhost: o\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\nconnection: close\r\n\r\n\
                   3\r\none\r\n4\r\n two\r\n0\r\nx-late: 1\r\n\r\n";
    let answer = raw(port, request.as_bytes()).await;
    let echo: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(echoed(&echo, "content-length"), Some("7"));
    for gone in ["transfer-encoding", "trailer", "x-late", "connection"] {
        assert_eq!(echoed(&echo, gone), None, "{gone}");
    }
}

#[tokio::test]
async fn nothing_that_a_caller_says_reaches_the_signature() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let request = Request::post(format!("http://{}/", local(port)))
        .header("host", "other.lambda-url.us-east-1.on.aws")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=theirs")
        .header("x-amz-security-token", "theirs")
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .header("x_amz_date", "theirs")
        .header("connection", "host, authorization, x-amz-date")
        .header("x-lambdaroute-consumer", "theirs");
    let echo = send(request.body(Full::from("body")).unwrap()).await.json();
    assert_eq!(echoed(&echo, "host"), Some(HOST));
    assert_eq!(echoed(&echo, "x-forwarded-host"), Some("other.lambda-url.us-east-1.on.aws"));
    assert!(!echo.to_string().contains("theirs"), "{echo}");
    assert!(!echo.to_string().contains("UNSIGNED"), "{echo}");
    assert!(echoed(&echo, "x-amz-date").is_some());
}

#[tokio::test]
async fn an_absolute_target_chooses_no_upstream() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let request = "GET http://evil.example:1/a?b HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n";
    let answer = raw(port, request.as_bytes()).await;
    let echo: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((echo["target"].as_str(), echoed(&echo, "host")), (Some("/a?b="), Some(HOST)));
}

#[tokio::test]
async fn a_public_url_gets_the_callers_authorization_and_no_signature() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route_with("orders", port, AuthType::None, feature::UNSIGNED)]).await;
    let request = Request::get(format!("http://{}/", local(port))).header("authorization", "Bearer mine");
    let echo = send(request.header("x-amz-date", "theirs").body(Full::default()).unwrap()).await.json();
    assert_eq!(echoed(&echo, "authorization"), Some("Bearer mine"));
    assert!(!echo.to_string().contains("x-amz-"), "{echo}");
}

#[tokio::test]
async fn what_cannot_be_forwarded_is_refused_with_its_cause() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    for (request, status, cause) in [
        (
            "GET / HTTP/1.1\r\nhost: o\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n",
            501,
            "upgrade_unsupported",
        ),
        ("CONNECT o:80 HTTP/1.1\r\nhost: o:80\r\nconnection: close\r\n\r\n", 400, "bad_request"),
        ("OPTIONS * HTTP/1.1\r\nhost: o\r\nconnection: close\r\n\r\n", 400, "bad_request"),
        ("POST / HTTP/1.1\r\nhost: o\r\ncontent-length: 6291457\r\n\r\n", 413, "request_too_large"),
        (
            "POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\ncontent-length: 6291457\r\n\r\n",
            413,
            "request_too_large",
        ),
        (
            "GET / HTTP/1.1\r\nhost: o\r\ncontent-type: a\r\ncontent-type: b\r\nconnection: close\r\n\r\n",
            400,
            "bad_request",
        ),
    ] {
        let answer = raw(port, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(answer.contains(&format!("https://lambdaroute.dev/problems/{cause}")), "{request}: {answer}");
        assert!(answer.contains(&format!("details=\"{cause}\"")), "{request}: {answer}");
    }
}

#[tokio::test]
async fn a_wish_for_h2c_is_ignored() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let request = "GET / HTTP/1.1\r\nhost: o\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAA\r\n\r\n";
    let answer = raw(port, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(!answer.contains("http2-settings"), "{answer}");
}

#[tokio::test]
async fn a_body_is_asked_for_only_when_it_is_wanted() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let mut stream = TcpStream::connect(local(port)).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: o\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 25];
    soon("100 Continue", stream.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    let mut rest = String::new();
    soon("the answer", stream.read_to_string(&mut rest)).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 ") && rest.contains("\"length\":4") && !rest.contains("expect"), "{rest}");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}/a?b=1", local(port)))
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Full::<Bytes>::from("body"))
        .unwrap();
    let response = soon("an answer", client.request(request)).await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    let echo: serde_json::Value = serde_json::from_slice(&response.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!((echo["target"].as_str(), echo["length"].as_u64()), (Some("/a?b=1"), Some(4)));
    assert_eq!(echoed(&echo, "cookie"), Some("a=1; b=2"));
    assert_eq!(echoed(&echo, "x-forwarded-host"), Some(local(port).to_string().as_str()));
}

#[tokio::test]
async fn a_service_accounts_token_never_leaves_where_nobody_asks_who_calls() {
    let (open, public) = (free_port(), free_port());
    let mut world = World::start_with(&["--log-level=trace", "--access-log=on"], &CREDENTIALS).await;
    let forwarding = route_that("open", open, |route| route.forward_authorization_as = "x-theirs".to_owned());
    let _session = world.serve(&[forwarding, route_with("public", public, AuthType::None, feature::UNSIGNED)]).await;
    // Of any cluster, for anybody, and expired: whoever holds it may know a way to use it.
    let claims =
        serde_json::json!({"iss": "https://elsewhere.example", "sub": "system:serviceaccount:web:checkout", "exp": 1});
    let token = SigningKey::p256().token("ES256", "k", &claims);
    let payload = token.split('.').nth(1).unwrap();
    for port in [open, public] {
        for authorization in
            [format!("Bearer {token}"), format!("bearer  {token}"), token.clone(), format!("Token token=\"{token}\"")]
        {
            let request = Request::get(format!("http://{}/", local(port))).header("authorization", authorization);
            let echo = send(request.body(Full::default()).unwrap()).await.json();
            assert!(!echo.to_string().contains(payload), "{echo}");
        }
        let request = Request::get(format!("http://{}/", local(port))).header("authorization", "Bearer mine");
        let echo = send(request.body(Full::default()).unwrap()).await.json();
        assert_eq!(echoed(&echo, if port == open { "x-theirs" } else { "authorization" }), Some("Bearer mine"));
    }
    assert!(!world.proxy.logged(payload));
}

#[tokio::test]
async fn a_body_is_sent_and_hashed_whatever_the_method() {
    let port = free_port();
    let mut world = World::start().await;
    let _session = world.serve(&[route("orders", port)]).await;
    for method in [Method::GET, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(&method).uri(format!("http://{}/", local(port)));
        let request = request.header("content-md5", "CY9rzUYh03PK3k6DJie09g==").header("content-encoding", "gzip");
        let echo = send(request.body(Full::from("body")).unwrap()).await.json();
        let sha256 = hex::encode(Sha256::digest("body"));
        assert_eq!((echo["method"].as_str(), echo["sha256"].as_str()), (Some(method.as_str()), Some(sha256.as_str())));
        assert_eq!(echoed(&echo, "x-amz-content-sha256"), Some(sha256.as_str()));
        assert_eq!(echoed(&echo, "content-length"), Some("4"));
        assert_eq!(echoed(&echo, "content-md5"), Some("CY9rzUYh03PK3k6DJie09g=="), "the body is as it was");
        assert_eq!(echoed(&echo, "content-encoding"), Some("gzip"));
    }
}
