//! The signature is judged by the SDK's own signer; credentials by what they are for.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign as sdk_sign};
use aws_sigv4::sign::v4;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;

use super::credentials::{CredentialStore, SigningCredentials};
use super::refresh::{back_off, refresh_in};
use crate::canonical::{Query, wire_path};
use crate::sign::{SignError, Signable, sha256_hex, sign};

const HOST_NAME: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws";

struct Case {
    method: Method,
    path: String,
    query: String,
    content_type: Option<String>,
    body: Vec<u8>,
    token: Option<String>,
    time: SystemTime,
}

fn ours(case: &Case) -> Result<HeaderMap, SignError> {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret/+=", case.token.clone(), None, "test");
    let credentials = SigningCredentials::new(&credentials).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static(HOST_NAME));
    if let Some(value) = &case.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let signable = Signable {
        method: &case.method,
        path: &wire_path(&case.path),
        query: &Query::parse(&case.query),
        payload: &sha256_hex(&case.body),
        payload_header: true,
    };
    sign(&mut headers, &signable, &credentials, "eu-west-1", case.time)?;
    Ok(headers)
}

/// What the SDK's signer sets for exactly what we would send.
fn theirs(case: &Case) -> HeaderMap {
    let identity = Credentials::new("AKIDEXAMPLE", "secret/+=", case.token.clone(), None, "test").into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("lambda")
        .time(case.time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let query = Query::parse(&case.query).wire();
    let mark = if query.is_empty() { "" } else { "?" };
    let uri = format!("https://{HOST_NAME}{}{mark}{query}", wire_path(&case.path));
    let content_type = case.content_type.as_ref().map(|value| value.replace('\t', " "));
    let headers: Vec<(&str, &str)> = [("host", HOST_NAME)]
        .into_iter()
        .chain(content_type.iter().map(|value| ("content-type", value.as_str())))
        .collect();
    let signable =
        SignableRequest::new(case.method.as_str(), uri, headers.into_iter(), SignableBody::Bytes(&case.body)).unwrap();
    let (instructions, _) = sdk_sign(signable, &params).unwrap().into_parts();
    let mut request = http::Request::new(());
    instructions.apply_to_request_http1x(&mut request);
    request.headers().clone()
}

fn time() -> impl Strategy<Value = SystemTime> {
    // Also the seconds around a midnight, where date and scope change.
    prop_oneof![(0u64..4_000_000_000), (1_795_219_190u64..1_795_219_210)]
        .prop_map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn case() -> impl Strategy<Value = Case> {
    (
        prop::sample::select(vec![Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD]),
        "(/|/[a-zA-Z0-9._~()!'*@:,;=+$&é{}|-]{0,8}|%2[fFeE]|%20|%C3%A9){0,8}",
        "([a-zA-Z0-9._~()!'*@:,;+$é{}|/?-]{0,6}(=|%3d|%20|%2B|&|==){0,3}){0,8}",
        prop::option::of("[a-z]{1,8}/[a-z.+-]{1,8}( {0,3};[a-z]{1,4}=[a-z\t ]{0,4}x)?"),
        prop::collection::vec(any::<u8>(), 0..64),
        prop::option::of("[A-Za-z0-9/+=]{1,64}"),
        time(),
    )
        .prop_map(|(method, path, query, content_type, body, token, time)| Case {
            method,
            path,
            query,
            content_type,
            body,
            token,
            time,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn signatures_equal_the_sdks(case in case()) {
        let (ours, theirs) = (ours(&case).unwrap(), theirs(&case));
        for name in ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"] {
            prop_assert_eq!(ours.get(name), theirs.get(name), "{} of {} {}?{}", name, case.method, case.path, case.query);
        }
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} ? {:?} {:?}", self.method, self.path, self.query, self.content_type)
    }
}

fn get(path: &str, query: &str) -> Case {
    Case {
        method: Method::GET,
        path: path.to_owned(),
        query: query.to_owned(),
        content_type: None,
        body: Vec::new(),
        token: None,
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_253_400),
    }
}

#[test]
fn bytes_that_are_not_utf8_are_signed_as_they_are_sent() {
    // The SDK's signer would sign U+FFFD here. The expected value is botocore 1.43's for /a%2Fb?k=%FF.
    let headers = ours(&get("/a%2Fb", "k=%ff")).unwrap();
    let signature = "04f8467aca3db0987e41e4a97acf1fa58973a78925f5720fe1847f03864fe402";
    assert!(headers[AUTHORIZATION].to_str().unwrap().ends_with(signature), "{headers:?}");
}

#[test]
fn a_content_type_that_cannot_be_signed_is_an_error_and_nothing_is_signed() {
    let mut case = get("/", "");
    case.content_type = Some("text/plain; x=é".to_owned());
    assert_eq!(ours(&case).unwrap_err(), SignError::ContentType);
}

#[test]
fn tabs_which_canonicalisers_read_differently_leave_as_spaces() {
    let mut case = get("/", "");
    case.content_type = Some("text/plain;\tcharset=utf-8".to_owned());
    assert_eq!(ours(&case).unwrap()[CONTENT_TYPE], "text/plain; charset=utf-8");
}

#[test]
fn secrets_are_marked_as_sensitive() {
    let mut case = get("/", "");
    case.token = Some("token".to_owned());
    let headers = ours(&case).unwrap();
    assert!(headers["authorization"].is_sensitive() && headers["x-amz-security-token"].is_sensitive());
}

#[test]
fn credentials_are_renewed_five_minutes_ahead_or_at_half_of_their_life() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let secs = Duration::from_secs;
    for (left, wait) in [(3600, 3300), (900, 600), (600, 300), (400, 200), (10, 5), (1, 1), (0, 1), (86_400, 3600)] {
        assert_eq!(refresh_in(Some(now + secs(left)), now), secs(wait), "{left} s left");
    }
    assert_eq!(refresh_in(None, now), secs(300));
    assert_eq!(refresh_in(Some(now - secs(5)), now), secs(1));
}

#[test]
fn failures_are_tried_again_ever_slower_up_to_half_a_minute() {
    let waits: Vec<u64> = (1..=7).map(|failures| back_off(failures).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
}

#[test]
fn credentials_are_used_until_they_really_expire() {
    let store = CredentialStore::new();
    let now = SystemTime::now();
    assert!(store.valid_at(now).is_none() && !store.had_any());
    let credentials = |key: &str, expires| {
        SigningCredentials::new(&Credentials::new(key, "secret", None, Some(expires), "test")).unwrap()
    };
    assert!(store.replace(credentials("A", now + Duration::from_secs(1))), "a first key is a change");
    assert!(!store.replace(credentials("A", now + Duration::from_secs(60))), "a later end of the same key is none");
    assert!(store.valid_at(now + Duration::from_secs(59)).is_some());
    assert!(store.valid_at(now + Duration::from_secs(60)).is_none());
    assert!(store.had_any(), "readiness stays when credentials expire");
}
