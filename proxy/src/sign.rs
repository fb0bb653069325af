//! Signs a request with SigV4 over a minimal set of headers: host, content-type and x-amz-*. Hops on the way may change
//! any other. Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! The canonical form is ours (bytes that aren't UTF-8 survive, which the SDK's signer loses), the arithmetic AWS's. No
//! clock: the time is a value. A request costs the allocations of its header values and no other.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::aws::SigningCredentials;
use crate::canonical::Target;

mod keys;
mod payload;
mod second;

use keys::Keys;
pub(crate) use payload::{PayloadHash, PayloadHasher};
use second::Second;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What is signed besides the headers.
pub(crate) struct Signable<'a> {
    /// The request's method.
    pub(crate) method: &'a Method,
    /// The path and query that are sent.
    pub(crate) target: &'a Target,
    /// The hash of the body.
    pub(crate) payload: &'a PayloadHash,
    /// Whether `x-amz-content-sha256` is sent: with every body. AWS refuses unsigned payloads.
    pub(crate) payload_header: bool,
}

/// Why a request can't be signed. Never a reason to send it unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignError {
    /// AWS wants Content-Type signed, and a signed value must be text.
    #[error("Content-Type is given twice or is not ASCII")]
    ContentType,
    /// Some canonicalisers sign `get` as `GET`: what AWS does isn't documented.
    #[error("a method with lower-case letters can't be signed")]
    Method,
    /// No Host, or a time that has no date.
    #[error("the signature can't be made")]
    Internal,
}

/// Signs for one thread: what the last request needed and the next one will need again is kept, without a lock.
#[derive(Default)]
pub(crate) struct Signer {
    second: Second,
    keys: Keys,
    text: Vec<u8>,
}

impl Signer {
    /// Sets `x-amz-date`, `x-amz-security-token`, `x-amz-content-sha256` and `authorization`. The map must hold `host` and
    /// none of a caller's `x-amz-*`. Signing the same request again (a later time, new credentials) replaces all of them.
    ///
    /// # Errors
    /// The caller's method or Content-Type can't be signed.
    pub(crate) fn sign(
        &mut self,
        headers: &mut HeaderMap,
        request: &Signable<'_>,
        credentials: &SigningCredentials,
        region: &str,
        time: SystemTime,
    ) -> Result<(), SignError> {
        if request.method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) {
            return Err(SignError::Method);
        }
        let date_time = self.second.at(time)?;
        let key = self.keys.get(credentials, region, time, date_time)?;
        let content_type = text_of_content_type(headers)?;
        headers.insert(X_AMZ_DATE, date_time.clone());
        if request.payload_header {
            headers.insert(X_AMZ_CONTENT_SHA256, request.payload.header_value()?);
        } else {
            headers.remove(X_AMZ_CONTENT_SHA256);
        }
        match &key.token {
            Some(token) => headers.insert(X_AMZ_SECURITY_TOKEN, token.clone()),
            None => headers.remove(X_AMZ_SECURITY_TOKEN),
        };
        let names = signed_headers(content_type, request.payload_header, key.token.is_some());

        let text = &mut self.text;
        text.clear();
        let values = Values { date_time, token: key.token.as_ref(), content_type };
        push_canonical_request(text, headers, request, names, &values)?;
        let hash = PayloadHash::of(text);
        text.clear();
        for part in [ALGORITHM.as_bytes(), b"\n", date_time.as_bytes(), b"\n", key.scope.as_bytes(), b"\n", hash.hex()]
        {
            text.extend_from_slice(part);
        }
        let signature = PayloadHash::from_digest(&key.key.sign(text).ok_or(SignError::Internal)?);
        let authorization = [
            ALGORITHM.as_bytes(),
            b" Credential=",
            credentials.access_key_id.as_bytes(),
            b"/",
            key.scope.as_bytes(),
            b", SignedHeaders=",
            names.as_bytes(),
            b", Signature=",
            signature.hex(),
        ]
        .concat();
        let authorization = HeaderValue::from_maybe_shared(Bytes::from(authorization));
        let mut authorization = authorization.map_err(|_| SignError::Internal)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }
}

/// The names of the signed headers, in the order that the canonical form wants.
fn signed_headers(content_type: bool, payload: bool, token: bool) -> &'static str {
    match (content_type, payload, token) {
        (false, false, false) => "host;x-amz-date",
        (false, false, true) => "host;x-amz-date;x-amz-security-token",
        (false, true, false) => "host;x-amz-content-sha256;x-amz-date",
        (false, true, true) => "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
        (true, false, false) => "content-type;host;x-amz-date",
        (true, false, true) => "content-type;host;x-amz-date;x-amz-security-token",
        (true, true, false) => "content-type;host;x-amz-content-sha256;x-amz-date",
        (true, true, true) => "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
    }
}

/// What the signed headers say, besides the host and the payload's hash.
struct Values<'a> {
    date_time: &'a HeaderValue,
    token: Option<&'a HeaderValue>,
    content_type: bool,
}

fn push_canonical_request(
    to: &mut Vec<u8>,
    headers: &HeaderMap,
    request: &Signable<'_>,
    names: &str,
    values: &Values<'_>,
) -> Result<(), SignError> {
    for line in [request.method.as_str().as_bytes(), request.target.signed()] {
        to.extend_from_slice(line);
        to.push(b'\n');
    }
    if values.content_type {
        to.extend_from_slice(b"content-type:");
        push_trimmed(to, headers.get(CONTENT_TYPE).ok_or(SignError::Internal)?.as_bytes());
        to.push(b'\n');
    }
    to.extend_from_slice(b"host:");
    push_trimmed(to, headers.get(HOST).ok_or(SignError::Internal)?.as_bytes());
    if request.payload_header {
        to.extend_from_slice(b"\nx-amz-content-sha256:");
        to.extend_from_slice(request.payload.hex());
    }
    to.extend_from_slice(b"\nx-amz-date:");
    to.extend_from_slice(values.date_time.as_bytes());
    if let Some(token) = values.token {
        to.extend_from_slice(b"\nx-amz-security-token:");
        push_trimmed(to, token.as_bytes());
    }
    to.extend_from_slice(b"\n\n");
    to.extend_from_slice(names.as_bytes());
    to.push(b'\n');
    to.extend_from_slice(request.payload.hex());
    Ok(())
}

/// Whether there is a Content-Type; makes it one that can be signed. Canonicalisers disagree on tabs (botocore folds them,
/// the Rust SDK doesn't): none leaves. Both are whitespace to whoever reads a media type.
fn text_of_content_type(headers: &mut HeaderMap) -> Result<bool, SignError> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(value) = values.next() else { return Ok(false) };
    if values.next().is_some() || value.to_str().is_err() {
        return Err(SignError::ContentType);
    }
    if value.as_bytes().contains(&b'\t') {
        let spaces: Vec<u8> = value.as_bytes().iter().map(|&byte| if byte == b'\t' { b' ' } else { byte }).collect();
        let spaces = HeaderValue::from_bytes(&spaces).map_err(|_| SignError::ContentType)?;
        headers.insert(CONTENT_TYPE, spaces);
    }
    Ok(true)
}

/// Trims spaces and makes runs of spaces one, as all canonicalisers do.
fn push_trimmed(to: &mut Vec<u8>, value: &[u8]) {
    if !value.contains(&b' ') {
        to.extend_from_slice(value);
        return;
    }
    let start = to.len();
    for word in value.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        if to.len() > start {
            to.push(b' ');
        }
        to.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests;
