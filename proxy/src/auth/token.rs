//! A JSON Web Token in its compact form (RFC 7515 section 7.1, RFC 7519): taken apart, nothing believed. Pure.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::key_sets::jwk::Algorithm;

/// A longer token is none: what it costs to look at it is bounded.
pub(crate) const LONGEST: usize = 16 * 1024;

/// The start of the subject of a ServiceAccount's token.
pub(crate) const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

/// A token whose header could be read.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    /// What the signature is over: header and payload as they came.
    pub(crate) signed: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    /// In bytes.
    pub(crate) length: usize,
}

/// What counts of a header. Members given twice make it unreadable.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

/// Of an unverified payload: only to choose by whom it may be verified, and what must not leave.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Unverified {
    pub(crate) iss: Option<String>,
    sub: Option<String>,
}

impl<'a> Token<'a> {
    /// Absent: it isn't three parts, its algorithm is none that is verified here, it is of another type (a logout token, a
    /// proof of possession: RFC 8725 section 3.11), or it has extensions that must be understood (`crit`).
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let (signed, payload, signature) = parts(text)?;
        let header = signed.get(..signed.len() - payload.len() - 1)?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token) {
            return None;
        }
        let algorithm = Algorithm::of(&header.alg)?;
        Some(Token { signed, payload, signature, algorithm, key_id: header.kid, length: text.len() })
    }

    /// The signature's bytes.
    pub(crate) fn signature(&self) -> Option<Vec<u8>> {
        decode(self.signature)
    }

    /// The payload's bytes. To be believed only after the signature was verified.
    pub(crate) fn payload(&self) -> Option<Vec<u8>> {
        decode(self.payload)
    }

    /// Who it says has issued it, and to whom.
    pub(crate) fn unverified(&self) -> Option<Unverified> {
        unverified(self.payload)
    }
}

/// Whether text holds the token of a ServiceAccount: of one of these issuers, or with such a subject, verified or not.
pub(crate) fn holds_service_account_token<'a>(text: &[u8], mut issuers: impl Iterator<Item = &'a str>) -> bool {
    text.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'"' | b';' | b'=')).any(|word| {
        let Some((_, payload, _)) = three_parts(word) else { return false };
        let Some(Unverified { iss, sub }) = unverified(payload) else { return false };
        sub.is_some_and(|sub| sub.starts_with(SERVICE_ACCOUNT)) || iss.is_some_and(|iss| issuers.any(|of| of == iss))
    })
}

fn unverified(payload: &[u8]) -> Option<Unverified> {
    serde_json::from_slice(&decode(payload)?).ok()
}

/// RFC 7519 section 5.1 and RFC 9068 section 2.1, with or without `application/`.
fn is_access_token(typ: &str) -> bool {
    let typ = typ.get(..12).filter(|start| start.eq_ignore_ascii_case("application/")).map_or(typ, |_| &typ[12..]);
    typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt")
}

fn parts(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    if text.len() > LONGEST { None } else { three_parts(text) }
}

/// What is signed, the payload in it, and the signature.
fn three_parts(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let last = text.iter().rposition(|&byte| byte == b'.')?;
    let (signed, signature) = (&text[..last], &text[last + 1..]);
    let first = signed.iter().position(|&byte| byte == b'.')?;
    let payload = &signed[first + 1..];
    let empty = first == 0 || payload.is_empty() || signature.is_empty();
    if empty || payload.contains(&b'.') { None } else { Some((signed, payload, signature)) }
}

/// Base64url without padding, strictly: one text for each sequence of bytes.
fn decode(part: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
