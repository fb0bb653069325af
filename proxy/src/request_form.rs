//! Whether a request has a form that can be forwarded, by its head alone. Pure.

use http::header::HOST;
use http::request::Parts;
use http::{Method, Version};
use lambdaroute_proxy_config::cause::Cause;

use crate::headers::wants_upgrade;
use crate::problem::Refused;

/// What can be said before anything else is looked at.
pub(crate) fn check_form(parts: &Parts) -> Result<(), Refused> {
    let bad = |detail: &'static str| Err(Refused::new(Cause::BadRequest, detail));
    if parts.method == Method::CONNECT {
        return bad("CONNECT can't be forwarded to a function");
    }
    if parts.uri.path() == "*" {
        return bad("the target * can't be forwarded to a function");
    }
    if let Some(authority) = parts.uri.authority() {
        if parts.uri.scheme().is_none() {
            // `host:port` is a target of CONNECT alone (RFC 9112 section 3.2.3).
            return bad("the target is no path");
        }
        if authority.as_str().contains('@') {
            // RFC 9110 section 4.2.4: it is deprecated, and may hide whom a request is for.
            return bad("the target has user information");
        }
    }
    if !has_one_host(parts) {
        return bad("a request needs exactly one host: one Host, or an :authority that it agrees with");
    }
    if wants_upgrade(&parts.headers) {
        return Err(Refused::new(Cause::UpgradeUnsupported, "a function URL can't change the protocol"));
    }
    Ok(())
}

/// RFC 9112 section 3.2 and RFC 9113 section 8.3.1. An absolute target goes before Host in HTTP/1.1 (RFC 9112 section 3.2.2),
/// and chooses no upstream here.
fn has_one_host(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => false,
        (Some(host), None) if parts.version == Version::HTTP_2 => parts
            .uri
            .authority()
            .is_none_or(|authority| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())),
        (Some(_), None) => true,
        (None, None) => match parts.version {
            Version::HTTP_2 => parts.uri.authority().is_some(),
            version => version < Version::HTTP_11,
        },
    }
}

#[cfg(test)]
mod tests;
