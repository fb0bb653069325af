//! Signs a request with SigV4 over a minimal set of headers: host, content-type and x-amz-*. Hops on the way may change
//! any other. Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! The canonical form is ours (bytes that aren't UTF-8 survive, which the SDK's signer loses), the arithmetic AWS's.

use std::time::SystemTime;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

use crate::aws::{SigningCredentials, signature};
use crate::canonical::{Query, signed_path};

/// The service that function URLs are signed for.
const SERVICE: &str = "lambda";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What is signed besides the headers.
pub(crate) struct Signable<'a> {
    /// The request's method.
    pub(crate) method: &'a Method,
    /// The path as it is sent.
    pub(crate) path: &'a str,
    /// The query as it is sent.
    pub(crate) query: &'a Query,
    /// SHA-256 of the body, in hex.
    pub(crate) payload: &'a str,
    /// Whether `x-amz-content-sha256` is sent: with every body. AWS refuses unsigned payloads.
    pub(crate) payload_header: bool,
}

/// Why a request can't be signed. Never a reason to send it unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    /// AWS wants Content-Type signed, and a signed value must be text.
    #[error("Content-Type is given twice or is not ASCII")]
    ContentType,
    /// Not a header value, or a time that has no date.
    #[error("the signature can't be made")]
    Internal,
}

/// Sets `x-amz-date`, `x-amz-security-token`, `x-amz-content-sha256` and `authorization`. The map must hold `host` and none
/// of a caller's `x-amz-*`.
///
/// # Errors
/// The Content-Type can't be signed.
pub(crate) fn sign(
    headers: &mut HeaderMap,
    request: &Signable<'_>,
    credentials: &SigningCredentials,
    region: &str,
    time: SystemTime,
) -> Result<(), SignError> {
    let date_time = date_time(time).ok_or(SignError::Internal)?;
    untab_content_type(headers);
    headers.insert(X_AMZ_DATE, header_value(&date_time)?);
    if request.payload_header {
        headers.insert(X_AMZ_CONTENT_SHA256, header_value(request.payload)?);
    }
    if let Some(token) = &credentials.session_token {
        headers.insert(X_AMZ_SECURITY_TOKEN, token.clone());
    }
    let scope = format!("{}/{region}/{SERVICE}/aws4_request", &date_time[..8]);
    let (canonical, signed_headers) = canonical_request(headers, request)?;
    let string_to_sign = format!("{ALGORITHM}\n{date_time}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let signature = signature(credentials, time, region, SERVICE, &string_to_sign);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={signature}",
        credentials.access_key_id
    );
    let mut authorization = header_value(&authorization)?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(())
}

/// The canonical request and the list of its headers.
fn canonical_request(headers: &HeaderMap, request: &Signable<'_>) -> Result<(String, String), SignError> {
    let mut canonical = String::with_capacity(512);
    canonical.push_str(request.method.as_str());
    for part in [&signed_path(request.path), &request.query.signed()] {
        canonical.push('\n');
        canonical.push_str(part);
    }
    canonical.push('\n');
    let mut signed_headers = String::with_capacity(64);
    // In the order of their names, as the canonical form wants them.
    for name in [&CONTENT_TYPE, &HOST, &X_AMZ_CONTENT_SHA256, &X_AMZ_DATE, &X_AMZ_SECURITY_TOKEN] {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        let text = value.to_str().map_err(|_| SignError::ContentType)?;
        if values.next().is_some() {
            return Err(SignError::ContentType);
        }
        canonical.push_str(name.as_str());
        canonical.push(':');
        push_trimmed(&mut canonical, text);
        canonical.push('\n');
        if !signed_headers.is_empty() {
            signed_headers.push(';');
        }
        signed_headers.push_str(name.as_str());
    }
    for part in [signed_headers.as_str(), request.payload] {
        canonical.push('\n');
        canonical.push_str(part);
    }
    Ok((canonical, signed_headers))
}

/// Canonicalisers disagree on tabs (botocore folds them, the Rust SDK doesn't): none leaves. Both are
/// whitespace to whoever reads a media type.
fn untab_content_type(headers: &mut HeaderMap) {
    let Some(value) = headers.get_mut(CONTENT_TYPE).filter(|value| value.as_bytes().contains(&b'\t')) else { return };
    let spaces: Vec<u8> = value.as_bytes().iter().map(|&byte| if byte == b'\t' { b' ' } else { byte }).collect();
    if let Ok(untabbed) = HeaderValue::from_bytes(&spaces) {
        *value = untabbed;
    }
}

/// Trims spaces and makes runs of spaces one, as all canonicalisers do.
fn push_trimmed(to: &mut String, value: &str) {
    let mut words = value.split(' ').filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        to.push_str(first);
    }
    for word in words {
        to.push(' ');
        to.push_str(word);
    }
}

/// `20261121T093000Z`
fn date_time(time: SystemTime) -> Option<String> {
    let time = jiff::Timestamp::try_from(time).ok()?;
    Some(time.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// SHA-256 in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn header_value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|_| SignError::Internal)
}
