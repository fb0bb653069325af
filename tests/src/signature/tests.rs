//! Signatures are recomputed from what came off the wire, and nothing else.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Request;

use super::{Refusal, Wire, parse_amz_date, sign, verify, write_amz_date};
use crate::credentials::{AwsCredentials, Identity, KnownKeys};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn now() -> SystemTime {
    NOW + Duration::from_secs(1_795_253_643)
}

fn keys() -> (KnownKeys, AwsCredentials) {
    let credentials =
        AwsCredentials { session_token: Some("token".into()), ..AwsCredentials::key("ASIAEXAMPLE", "secret") };
    let keys = KnownKeys::default();
    let arn = "arn:aws:iam::111122223333:role/proxies".to_owned();
    keys.add(Identity { credentials: credentials.clone(), arn, may_invoke: false });
    (keys, credentials)
}

fn signed() -> (KnownKeys, Request<Bytes>) {
    let (keys, credentials) = keys();
    let mut request = Request::post("/a%20b/%2Fc?y=2&x=%20&x=1")
        .header("host", "abc.lambda-url.eu-west-1.on.aws")
        .header("content-type", "application/octet-stream")
        .header("x-amz-meta", "  two   words ")
        .body(Bytes::from_static(b"\x00\x01"))
        .expect("a request");
    sign(&mut request, &credentials, "lambda", "eu-west-1", now()).expect("signed");
    (keys, request)
}

fn judged(keys: &KnownKeys, request: &Request<Bytes>, at: SystemTime) -> Result<String, Refusal> {
    let wire = Wire {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
        body: request.body(),
    };
    verify(wire, keys, "lambda", "eu-west-1", at).map(|identity| identity.arn)
}

#[test]
fn a_signed_request_names_its_signer() {
    let (keys, request) = signed();
    assert_eq!(judged(&keys, &request, now()).as_deref(), Ok("arn:aws:iam::111122223333:role/proxies"));
}

#[test]
fn a_changed_body_path_query_or_header_is_refused() {
    let changes: [fn(&mut Request<Bytes>); 4] = [
        |request| *request.body_mut() = Bytes::from_static(b"\x00\x02"),
        |request| *request.uri_mut() = "/a%20b/c?y=2&x=%20&x=1".parse().expect("a target"),
        |request| *request.uri_mut() = "/a%20b/%2Fc?y=2&x=%20".parse().expect("a target"),
        |request| drop(request.headers_mut().insert("host", http::HeaderValue::from_static("other"))),
    ];
    for change in changes {
        let (keys, mut request) = signed();
        change(&mut request);
        assert!(matches!(judged(&keys, &request, now()), Err(Refusal::Mismatch { .. })));
    }
}

#[test]
fn a_request_is_refused_six_minutes_later() {
    let (keys, request) = signed();
    assert_eq!(judged(&keys, &request, now() + Duration::from_secs(360)), Err(Refusal::Skewed));
}

#[test]
fn a_header_of_amazon_that_was_added_after_signing_is_refused() {
    let (keys, mut request) = signed();
    request.headers_mut().insert("x-amz-foo", http::HeaderValue::from_static("bar"));
    assert_eq!(judged(&keys, &request, now()), Err(Refusal::HeaderNotSigned("x-amz-foo".into())));
}

#[test]
fn an_unsigned_payload_is_refused() {
    let (keys, mut request) = signed();
    request.headers_mut().insert("x-amz-content-sha256", http::HeaderValue::from_static("UNSIGNED-PAYLOAD"));
    assert_eq!(judged(&keys, &request, now()), Err(Refusal::HeaderNotSigned("x-amz-content-sha256".into())));
}

#[test]
fn a_forgotten_key_is_unknown() {
    let (keys, request) = signed();
    keys.remove("ASIAEXAMPLE");
    assert_eq!(judged(&keys, &request, now()), Err(Refusal::UnknownKey));
}

#[test]
fn dates_read_back() {
    assert_eq!(parse_amz_date(&write_amz_date(now())), Some(now()));
    assert_eq!(write_amz_date(now()), "20261121T093403Z");
}
