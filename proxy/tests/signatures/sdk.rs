//! The SDK's own signer, for exactly what the proxy would send.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign as sdk_sign};
use aws_sigv4::sign::v4;
use http::HeaderMap;
use http::uri::PathAndQuery;

use crate::request::{HOST_NAME, KEYS, Request};

/// The headers that it sets. `None`: it can't sign these bytes, because it reads queries as UTF-8.
pub(crate) fn sign(request: &Request, target: &PathAndQuery, sent: &HeaderMap) -> Option<HeaderMap> {
    let query = percent_encoding::percent_decode_str(target.query().unwrap_or_default());
    query.decode_utf8().ok()?;
    let (id, secret, token) = KEYS[request.key];
    let identity = Credentials::new(id, secret, token.map(str::to_owned), None, "sdk").into();
    let mut settings = SigningSettings::default();
    if request.hash_header {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name("lambda")
        .time(request.time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = ["host", "content-type"].into_iter().filter_map(|name| Some((name, sent.get(name)?.to_str().ok()?)));
    let uri = format!("https://{HOST_NAME}{target}");
    let body = SignableBody::Bytes(&request.body);
    let signable = SignableRequest::new(request.method.as_str(), uri, headers, body).unwrap();
    let (instructions, _) = sdk_sign(signable, &params).unwrap().into_parts();
    let mut signed = http::Request::new(());
    instructions.apply_to_request_http1x(&mut signed);
    Some(signed.headers().clone())
}
