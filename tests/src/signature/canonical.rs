//! The canonical request of SigV4, from the bytes that were sent. Source: IAM User Guide, "Create a signed AWS API
//! request", for a service that isn't S3: the path is encoded once more.

use super::Wire;

/// The canonical request's text.
pub fn canonical_request(wire: Wire<'_>, signed_headers: &[String], payload_hash: &str) -> String {
    let mut text = format!("{}\n{}\n{}\n", wire.method, canonical_path(wire.path), canonical_query(wire.query));
    for name in signed_headers {
        let values: Vec<String> =
            wire.headers.get_all(name.as_str()).iter().map(|value| trimmed(value.as_bytes())).collect();
        text.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    text.push_str(&format!("\n{}\n{payload_hash}", signed_headers.join(";")));
    text
}

/// The wire path, encoded a second time. Nothing is normalised: whether AWS does is not documented, so only a path
/// that has nothing to normalise is safe, and a signer that normalised after sending fails here.
fn canonical_path(path: &str) -> String {
    encode(path.as_bytes(), true)
}

/// Names and values decoded and encoded again in one spelling, sorted. A `+` is a plus sign, not a space: a signer
/// must send `%20` for a space.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(&decode(name), false), encode(&decode(value), false)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// RFC 3986's unreserved characters stay, all else becomes `%XX` in upper case.
fn encode(bytes: &[u8], keep_slash: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            b'/' if keep_slash => text.push('/'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = bytes
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    decoded
}

/// Without spaces around, runs of spaces as one.
fn trimmed(value: &[u8]) -> String {
    String::from_utf8_lossy(value).split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
