//! What signing one request costs, beside the SDK's signer in the same run. Prints a Markdown table; the machine should do
//! nothing else. Rounds alternate, and the fastest of each counts: what is slower was disturbed.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and ends where something is wrong")]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign as sdk_sign};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lambdaroute_proxy::internals::{Credentials, Hash, Request, Signing};

const ROUNDS: u32 = 40;
const CALLS: u32 = 2_000;
const PATH: &str = "/v1/customers/1234567/orders";
const QUERY: &str = "page=2&status=open";
const BODY: &[u8] = br#"{"item":"book","count":1}"#;
/// A small request of a service, as it is when it is signed: eight headers.
const HEADERS: [(&str, &str); 8] = [
    ("host", "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws"),
    ("content-type", "application/json"),
    ("content-length", "25"),
    ("accept", "application/json"),
    ("user-agent", "orders/1.14 (linux)"),
    ("x-forwarded-for", "10.2.14.7"),
    ("x-forwarded-proto", "http"),
    ("x-request-id", "0f64a8a4-1c7e-4f02-9d54-6f9d3d1a6c11"),
];

fn headers() -> HeaderMap {
    HEADERS.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// The proxy's: target read and written, headers set. Its map is used again, as the four headers are replaced.
fn ours(token: Option<&str>) -> impl FnMut() + use<> {
    let credentials =
        Credentials::new("ASIAEXAMPLEEXAMPLEXX", "secretsecretsecretsecretsecretsecretsecr", token).unwrap();
    let (mut signing, mut headers, hash) = (Signing::default(), headers(), Hash::of(BODY));
    move || {
        signing.read(black_box(PATH), black_box(Some(QUERY))).unwrap();
        let time = SystemTime::now();
        let request = Request { method: &Method::POST, hash: &hash, hash_header: true, region: "eu-west-1", time };
        signing.sign(black_box(&mut headers), &request, &credentials).unwrap();
    }
}

/// The SDK's, which is told the body's hash too. It returns the headers; setting them isn't counted.
fn sdk(token: Option<&str>, signed: &'static [(&'static str, &'static str)]) -> impl FnMut() + use<> {
    let identity = SdkCredentials::new(
        "ASIAEXAMPLEEXAMPLEXX",
        "secretsecretsecretsecretsecretsecretsecr",
        token.map(str::to_owned),
        None,
        "bench",
    )
    .into();
    let uri = format!("https://{}{PATH}?{QUERY}", HEADERS[0].1);
    let hash = "9a2dcbd9fd3c3e4b3a4e2a4ce4fd8d5a7a8f1f6d8e6cfa7d3c8d9c6f2b1a0e4d";
    move || {
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name("lambda")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let body = SignableBody::Precomputed(hash.to_owned());
        let request = SignableRequest::new("POST", uri.as_str(), signed.iter().copied(), body).unwrap();
        black_box(sdk_sign(request, &params).unwrap());
    }
}

fn round(call: &mut dyn FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    begun.elapsed() / CALLS
}

/// Name, what is timed, and the fastest round so far.
type Row = (&'static str, Box<dyn FnMut()>, Duration);

fn main() {
    // The length that tokens of assumed roles have.
    let token = "IQoJb3JpZ2luX2VjE".repeat(50);
    let mut rows: Vec<Row> = vec![
        ("the proxy's, 8 headers", Box::new(ours(None)), Duration::MAX),
        ("`aws-sigv4`, the same signed set", Box::new(sdk(None, &HEADERS[..2])), Duration::MAX),
        ("`aws-sigv4`, all 8 headers", Box::new(sdk(None, &HEADERS)), Duration::MAX),
        ("the proxy's, with a session token of 850 bytes", Box::new(ours(Some(&token))), Duration::MAX),
        ("`aws-sigv4`, all 8 headers and that token", Box::new(sdk(Some(&token), &HEADERS)), Duration::MAX),
    ];
    for _ in 0..ROUNDS {
        for (_, call, fastest) in &mut rows {
            *fastest = (*fastest).min(round(call.as_mut()));
        }
    }
    println!("| signing of one request | µs | times the proxy's |\n|---|---|---|");
    let without_token = rows[0].2;
    let with_token = rows[3].2;
    for (index, (name, _, fastest)) in rows.iter().enumerate() {
        let unit = if index < 3 { without_token } else { with_token };
        println!("| {name} | {:.2} | {:.1} |", fastest.as_secs_f64() * 1e6, fastest.as_secs_f64() / unit.as_secs_f64());
    }
}
