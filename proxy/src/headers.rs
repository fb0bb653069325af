//! Which headers pass, in each direction. Pure. What a caller must not say is removed first, what we say is set after it:
//! so nothing that a caller names in `Connection` can take a header of ours away.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REMAPPED_WWW_AUTHENTICATE: HeaderName = HeaderName::from_static("x-amzn-remapped-www-authenticate");
const REMAPPED: [HeaderName; 4] = [
    HeaderName::from_static("x-amzn-remapped-connection"),
    HeaderName::from_static("x-amzn-remapped-content-length"),
    HeaderName::from_static("x-amzn-remapped-server"),
    HeaderName::from_static("x-amzn-remapped-date"),
];

/// Of one hop alone (RFC 9110 section 7.6.1, and those of older use).
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
];

/// Who calls, as the function is told.
pub(crate) struct Caller<'a> {
    /// The address of the connection's other end.
    pub(crate) address: IpAddr,
    /// The host that the caller asked for.
    pub(crate) host: Option<&'a HeaderValue>,
}

/// Whether the caller wants another protocol on this connection. A wish for h2c may be ignored (RFC 9113 section 3.1 took it
/// back), and clients send it with ordinary requests.
pub(crate) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().any(|value| {
        value.as_bytes().split(|b| *b == b',').any(|protocol| !protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
    })
}

/// Makes a caller's headers those of the upstream request, still unsigned. `keep_authorization`: nobody signs.
pub(crate) fn to_upstream(
    headers: &mut HeaderMap,
    upstream_host: &HeaderValue,
    caller: &Caller<'_>,
    keep_authorization: bool,
) {
    remove_hop_by_hop(headers);
    let not_ours: Vec<HeaderName> =
        headers.keys().filter(|name| must_not_leave(name, keep_authorization)).cloned().collect();
    for name in not_ours {
        headers.remove(name);
    }
    join_cookies(headers);
    headers.insert(HOST, upstream_host.clone());
    if let Ok(address) = HeaderValue::from_str(&caller.address.to_canonical().to_string()) {
        headers.insert(X_FORWARDED_FOR, address);
    }
    if let Some(host) = caller.host {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
}

/// What a caller must never say to the function or to AWS. A name with underscores is its twin with hyphens: some servers
/// read both as one.
fn must_not_leave(name: &HeaderName, keep_authorization: bool) -> bool {
    let twin;
    let name = if name.as_str().contains('_') {
        twin = name.as_str().replace('_', "-");
        twin.as_str()
    } else {
        name.as_str()
    };
    match name {
        "authorization" => !keep_authorization,
        "host" | "content-length" | "expect" | "forwarded" | "x-forwarded-for" | "x-forwarded-host"
        | "x-forwarded-proto" => true,
        _ => name.starts_with("x-amz-") || name.starts_with("x-lambdaroute-"),
    }
}

/// HTTP/2 callers may split Cookie; HTTP/1.1 wants one line (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    if lines.next().is_none() || lines.next().is_none() {
        return;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// Makes the headers of a function URL's answer those for the caller.
pub(crate) fn to_caller(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    for name in REMAPPED {
        headers.remove(name);
    }
    let restored: Vec<HeaderValue> = headers.get_all(REMAPPED_WWW_AUTHENTICATE).iter().cloned().collect();
    if !restored.is_empty() {
        headers.remove(REMAPPED_WWW_AUTHENTICATE);
        headers.remove(WWW_AUTHENTICATE);
        for value in restored {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| *name != CONTENT_LENGTH)
        .collect();
    for name in nominated.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
