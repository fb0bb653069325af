//! Any request, as lines of text: either it is refused, or it is signed as the SDK's own signer signs it. The signer is
//! kept from request to request, with keys, Regions and days that change.
#![no_main]

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign as sdk_sign};
use aws_sigv4::sign::v4;
use http::{HeaderMap, HeaderValue, Method};
use lambdaroute_proxy::internals::{Credentials, Hash, Request, Signing};
use libfuzzer_sys::fuzz_target;

const KEYS: [(&str, &str, Option<&str>); 2] =
    [("AKIDEXAMPLE", "secret/+=", None), ("ASIAEXAMPLE", "another", Some("token/+="))];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const HOST: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws";

thread_local! {
    static KEPT: RefCell<(Signing, Vec<Credentials>)> = RefCell::new((
        Signing::default(),
        KEYS.iter().map(|(id, secret, token)| Credentials::new(id, secret, *token).unwrap()).collect(),
    ));
}

// A byte that chooses key, Region and header; four of a time; then method, Content-Type, target and body, by line.
fuzz_target!(|input: &[u8]| {
    let [choices, a, b, c, d, rest @ ..] = input else { return };
    let mut lines = rest.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, content_type, target, body) = (line(), line(), line(), line());
    let (Ok(method), Ok(target)) = (Method::from_bytes(method), std::str::from_utf8(target)) else { return };
    let Ok(content_type) = HeaderValue::from_bytes(content_type) else { return };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
    let key = usize::from(choices & 1);
    let region = REGIONS[usize::from(choices >> 1 & 1)];
    let hash_header = choices & 4 != 0;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));

    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static(HOST));
    if choices & 8 != 0 {
        headers.insert("content-type", content_type);
    }
    let signed = KEPT.with_borrow_mut(|(signing, keys)| {
        let sent = signing.read(path, query).ok()?;
        let request = Request { method: &method, hash: &Hash::of(body), hash_header, region, time };
        signing.sign(&mut headers, &request, &keys[key]).ok()?;
        Some(sent)
    });
    let Some(sent) = signed else {
        assert!(!headers.contains_key("authorization"), "what is refused has no signature");
        return;
    };
    // The SDK's signer reads a query as UTF-8, and signs others wrongly.
    if percent_encoding::percent_decode_str(sent.query().unwrap_or_default()).decode_utf8().is_err() {
        return;
    }
    let (id, secret, token) = KEYS[key];
    let identity = SdkCredentials::new(id, secret, token.map(str::to_owned), None, "sdk").into();
    let mut settings = SigningSettings::default();
    if hash_header {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("lambda")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let given = ["host", "content-type"].into_iter();
    let given = given.filter_map(|name| Some((name, headers.get(name)?.to_str().unwrap())));
    let uri = format!("https://{HOST}{sent}");
    let request = SignableRequest::new(method.as_str(), uri, given, SignableBody::Bytes(body)).unwrap();
    let (instructions, _) = sdk_sign(request, &params).unwrap().into_parts();
    for (name, value) in instructions.headers() {
        assert_eq!(headers[name], value, "{name} of {method} {sent}");
    }
});
