//! Which headers pass, in each direction. Pure. What a caller must not say is removed first, what we say is set after it:
//! so nothing that a caller names in `Connection` can take a header of ours away.

mod rules;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, UPGRADE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};
use lambdaroute_proxy_config::is_hop_by_hop;
use smallvec::SmallVec;

use crate::auth::{self, Authentication, Identity};
use crate::client_address::Client;
pub(crate) use rules::{HeaderRules, HeaderRulesError};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_LAMBDAROUTE_CONSUMER: HeaderName = HeaderName::from_static("x-lambdaroute-consumer");
const X_LAMBDAROUTE_AUTH: HeaderName = HeaderName::from_static("x-lambdaroute-auth");
const REMAPPED_WWW_AUTHENTICATE: HeaderName = HeaderName::from_static("x-amzn-remapped-www-authenticate");
const REMAPPED: [HeaderName; 4] = [
    HeaderName::from_static("x-amzn-remapped-connection"),
    HeaderName::from_static("x-amzn-remapped-content-length"),
    HeaderName::from_static("x-amzn-remapped-server"),
    HeaderName::from_static("x-amzn-remapped-date"),
];

/// The most that we set on a request: the map of its headers grows once.
const OURS: usize = 12;

/// What the headers of an upstream request depend on, besides the caller's own.
pub(crate) struct Outgoing<'a> {
    /// The function URL's host.
    pub(crate) upstream_host: &'a HeaderValue,
    /// What is believed about where the request comes from.
    pub(crate) client: &'a Client,
    /// Its address as text.
    pub(crate) address: Option<&'a HeaderValue>,
    /// The host that the caller asked for here.
    pub(crate) host: Option<&'a HeaderValue>,
    /// What the route says.
    pub(crate) rules: &'a HeaderRules,
    /// Who may call the route. Absent: whoever reaches it.
    pub(crate) authentication: Option<&'a Authentication>,
    /// Who calls.
    pub(crate) identity: Option<&'a Identity>,
    /// Whether Authorization will be the signature.
    pub(crate) signed: bool,
}

/// Whether the caller wants another protocol on this connection. A wish for h2c may be ignored (RFC 9113 section 3.1 took it
/// back), and clients send it with ordinary requests.
pub(crate) fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().any(|value| {
        value.as_bytes().split(|b| *b == b',').any(|protocol| !protocol.trim_ascii().eq_ignore_ascii_case(b"h2c"))
    })
}

/// Makes a caller's headers those of the upstream request, still unsigned.
pub(crate) fn to_upstream(headers: &mut HeaderMap, outgoing: &Outgoing<'_>) {
    let Outgoing { upstream_host, client, address, host, rules, authentication: _, identity, signed } = outgoing;
    remove(headers, |name| *name != AUTHORIZATION && must_not_leave(name, client.behind_proxy, rules));
    let authorization = take_authorization(headers, outgoing);
    join_cookies(headers);
    headers.reserve(OURS);
    rules.set(headers);
    headers.insert(HOST, (*upstream_host).clone());
    if let Some(address) = *address {
        headers.insert(X_FORWARDED_FOR, address.clone());
    }
    if let Some(host) = client.host.as_ref().or(*host) {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(if client.https { "https" } else { "http" }));
    if let Some(identity) = identity {
        headers.insert(X_LAMBDAROUTE_CONSUMER, identity.consumer.header().clone());
        headers.insert(X_LAMBDAROUTE_AUTH, identity.method.clone());
        for (name, value) in &identity.forwarded {
            headers.insert(name, value.clone());
        }
    }
    if let Some(authorization) = authorization {
        if let Some(name) = rules.forward_authorization_as() {
            headers.insert(name, authorization.clone());
        }
        if !signed {
            headers.insert(AUTHORIZATION, authorization);
        }
    }
}

/// Takes the caller's Authorization out, and gives it back if it may go on. A ServiceAccount's token never does, whoever
/// issued it and whether it was admitted or not, nor does a key that a method has matched, nor do two at once.
fn take_authorization(headers: &mut HeaderMap, outgoing: &Outgoing<'_>) -> Option<HeaderValue> {
    let Outgoing { rules, authentication, identity, signed, .. } = outgoing;
    let single = headers.get_all(AUTHORIZATION).iter().count() == 1;
    let mut value = headers.remove(AUTHORIZATION)?;
    let has_a_name = !signed || rules.forward_authorization_as().is_some();
    if !has_a_name || !single || identity.is_some_and(|identity| !identity.may_pass_authorization) {
        return None;
    }
    let must_stay = match authentication {
        Some(authentication) => authentication.must_stay(&value),
        None => auth::must_stay_anywhere(&value),
    };
    if must_stay {
        return None;
    }
    value.set_sensitive(true);
    Some(value)
}

/// What a caller must never say to the function or to AWS. A name with underscores is its twin with hyphens: some servers
/// read both as one. `behind_proxy`: the other end is a proxy that the operator trusts; what it says of the way of a request
/// (`x-forwarded-port`, `x-amzn-oidc-data`) passes, from anybody else it is a lie.
fn must_not_leave(name: &HeaderName, behind_proxy: bool, rules: &HeaderRules) -> bool {
    let twin;
    let mut name = name.as_str();
    if name.as_bytes().contains(&b'_') {
        twin = name.replace('_', "-");
        name = &twin;
        if is_hop_by_hop(name) || name == "x-amzn-trace-id" {
            return true;
        }
    }
    match name {
        "host" | "authorization" | "content-length" | "expect" | "forwarded" | "x-forwarded-for"
        | "x-forwarded-host" | "x-forwarded-proto" => true,
        // The trace context's, which decides about it.
        "x-amzn-trace-id" => false,
        _ if name.starts_with("x-amz-")
            || name.starts_with("x-lambdaroute-")
            // AWS answers 500 to a function that gives one back.
            || name.starts_with("x-amzn-remapped-") =>
        {
            true
        }
        _ if name.starts_with("x-forwarded-") || name.starts_with("x-amzn-") => !behind_proxy || rules.drops(name),
        _ => rules.drops(name),
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
    remove(headers, |name| name.as_str().starts_with("x-amzn-remapped-") && REMAPPED.contains(name));
    if !headers.contains_key(REMAPPED_WWW_AUTHENTICATE) {
        return;
    }
    let restored: Vec<HeaderValue> = headers.get_all(REMAPPED_WWW_AUTHENTICATE).iter().cloned().collect();
    headers.remove(REMAPPED_WWW_AUTHENTICATE);
    headers.remove(WWW_AUTHENTICATE);
    for value in restored {
        headers.append(WWW_AUTHENTICATE, value);
    }
}

/// Removes what is of one hop alone, what `Connection` names, and what is to go besides. The names are looked through once.
fn remove(headers: &mut HeaderMap, is_to_go: impl Fn(&HeaderName) -> bool) {
    let nominated: SmallVec<[HeaderName; 4]> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|b| *b == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| *name != CONTENT_LENGTH)
        .collect();
    let gone: SmallVec<[HeaderName; 8]> = headers
        .keys()
        .filter(|name| is_hop_by_hop(name.as_str()) || nominated.contains(name) || is_to_go(name))
        .cloned()
        .collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests;
