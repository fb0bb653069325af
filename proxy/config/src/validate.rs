//! What makes a route of the table valid. Pure; the proxy refuses what this refuses, and the controller never sends it.

mod header_clash;

use std::collections::BTreeSet;

use crate::feature;
use crate::header_name::{HeaderNameError, check_header_name, plain};
use crate::source_range::{SourceRangeError, parse_source_range};
use crate::v1alpha1::auth_method::Method;
use crate::v1alpha1::limit_key::Key;
use crate::v1alpha1::{
    Auth, AuthType, ClaimType, FunctionUrl, InvokeMode, JwtAuth, RateLimit, RefusalReason, RequestHeaders, Route,
    route::Upstream,
};

/// Why a route can't be served. Each is a [`RefusalReason`] with a text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A feature of `requires` that the proxy lacks.
    #[error("this proxy lacks the feature {0:?}: upgrade it")]
    UnsupportedFeature(String),
    /// The port is outside 1 to 65535.
    #[error("port {0} is not a port: expected 1 to 65535")]
    Port(u32),
    /// A field that must be given is empty.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// No upstream, or one of a kind that this version doesn't know.
    #[error("the upstream is missing or of a kind that this version doesn't know")]
    Upstream,
    /// An enum number that this version doesn't know. It is refused, never read as a default.
    #[error("{field} has the unknown value {value}")]
    UnknownEnum {
        /// The field.
        field: &'static str,
        /// Its number on the wire.
        value: i32,
    },
    /// A choice that is missing, or of a kind that this version doesn't know.
    #[error("{0} is missing or of a kind that this version doesn't know")]
    Choice(&'static str),
    /// A number that can't be right.
    #[error("{0} must be at least 1")]
    Zero(&'static str),
    /// A header that can't be named.
    #[error("{field}: {error}")]
    Header {
        /// The field that names it.
        field: &'static str,
        /// Why not.
        error: HeaderNameError,
    },
    /// Something that must be given once.
    #[error("{field} names {name:?} twice")]
    Twice {
        /// The field.
        field: &'static str,
        /// What is there twice.
        name: String,
    },
    /// Headers of two fields, of which one would silently replace the other's value.
    #[error(
        "{field} and {other} name one header, {name:?}, which has one value alone: choose another name in one of them"
    )]
    Clash {
        /// One field.
        field: &'static str,
        /// The other.
        other: &'static str,
        /// The header.
        name: String,
    },
    /// Not a header value (RFC 9110 section 5.5). Which isn't told: it may be a secret.
    #[error("{field}: the value of {name:?} is not a header value: it holds a control character")]
    HeaderValue {
        /// The field.
        field: &'static str,
        /// The header.
        name: String,
    },
    /// Not a block of addresses.
    #[error("{field}: {error}")]
    SourceRange {
        /// The field.
        field: &'static str,
        /// Why not.
        error: SourceRangeError,
    },
    /// The host isn't the host of a function URL.
    #[error("host {0:?} is not the host of a function URL")]
    Host(String),
}

impl Invalid {
    /// The reason on the wire.
    pub fn reason(&self) -> RefusalReason {
        match self {
            Invalid::UnsupportedFeature(_) => RefusalReason::UnsupportedFeature,
            Invalid::Port(_)
            | Invalid::Empty(_)
            | Invalid::Upstream
            | Invalid::UnknownEnum { .. }
            | Invalid::Choice(_)
            | Invalid::Zero(_)
            | Invalid::Header { .. }
            | Invalid::Twice { .. }
            | Invalid::Clash { .. }
            | Invalid::HeaderValue { .. }
            | Invalid::SourceRange { .. }
            | Invalid::Host(_) => RefusalReason::Invalid,
        }
    }
}

/// Whether a proxy with these features can serve the route.
///
/// # Errors
/// The first rule that the route breaks. Missing features come first: what else looks wrong may be theirs.
pub fn validate_route(route: &Route, supported: &BTreeSet<&str>) -> Result<(), Invalid> {
    if let Some(feature) = feature::missing(&route.requires, supported) {
        return Err(Invalid::UnsupportedFeature(feature.to_owned()));
    }
    if route.port == 0 || route.port > u32::from(u16::MAX) {
        return Err(Invalid::Port(route.port));
    }
    for (field, value) in [("namespace", &route.namespace), ("name", &route.name)] {
        if value.is_empty() {
            return Err(Invalid::Empty(field));
        }
    }
    match &route.upstream {
        Some(Upstream::FunctionUrl(upstream)) => validate_function_url(upstream)?,
        None => return Err(Invalid::Upstream),
    }
    if let Some(auth) = &route.auth {
        validate_auth(auth)?;
    }
    if let Some(ranges) = &route.source_ranges {
        for (field, blocks) in [("source_ranges.allow", &ranges.allow), ("source_ranges.deny", &ranges.deny)] {
            for block in blocks {
                parse_source_range(block).map_err(|error| Invalid::SourceRange { field, error })?;
            }
        }
    }
    if let Some(headers) = &route.request_headers {
        validate_request_headers(headers)?;
    }
    if !route.forward_authorization_as.is_empty() {
        header("forward_authorization_as", &route.forward_authorization_as)?;
    }
    header_clash::judge(route)?;
    route.rate_limits.iter().try_for_each(validate_rate_limit)
}

fn validate_request_headers(headers: &RequestHeaders) -> Result<(), Invalid> {
    let field = "request_headers.set";
    let mut names = BTreeSet::new();
    for set in &headers.set {
        header(field, &set.name)?;
        // Visible characters, spaces and tabs; bytes above ASCII are opaque.
        if set.value.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            return Err(Invalid::HeaderValue { field, name: set.name.clone() });
        }
        if !names.insert(plain(&set.name)) {
            return Err(Invalid::Twice { field, name: set.name.clone() });
        }
    }
    headers.remove.iter().try_for_each(|name| header("request_headers.remove", name))
}

fn header(field: &'static str, name: &str) -> Result<(), Invalid> {
    check_header_name(name).map_err(|error| Invalid::Header { field, error })
}

/// A list that admits somebody has at least one item: empty never means all or nobody.
fn validate_auth(auth: &Auth) -> Result<(), Invalid> {
    present("auth.methods", &auth.methods)?;
    for method in &auth.methods {
        present("auth.methods.name", method.name.as_bytes())?;
        match &method.method {
            Some(Method::ApiKey(api_key)) => {
                present("auth.methods.api_key.header", api_key.header.as_bytes())?;
                header("auth.methods.api_key.header", &api_key.header)?;
            }
            Some(Method::Jwt(jwt)) => validate_jwt(jwt)?,
            Some(Method::ServiceAccount(account)) => {
                present("auth.methods.service_account.issuer", account.issuer.as_bytes())?;
                present("auth.methods.service_account.audience", account.audience.as_bytes())?;
                present("auth.methods.service_account.allow", &account.allow)?;
            }
            None => return Err(Invalid::Choice("auth.methods.method")),
        }
    }
    Ok(())
}

fn validate_jwt(jwt: &JwtAuth) -> Result<(), Invalid> {
    present("auth.methods.jwt.issuer", jwt.issuer.as_bytes())?;
    present("auth.methods.jwt.audiences", &jwt.audiences)?;
    for required in &jwt.required_claims {
        present("auth.methods.jwt.required_claims.claim", required.claim.as_bytes())?;
        present("auth.methods.jwt.required_claims.any_of", &required.any_of)?;
        if matches!(ClaimType::try_from(required.r#type), Ok(ClaimType::Unspecified) | Err(_)) {
            let field = "auth.methods.jwt.required_claims.type";
            return Err(Invalid::UnknownEnum { field, value: required.r#type });
        }
    }
    let field = "auth.methods.jwt.forward_claims.header";
    let mut names = BTreeSet::new();
    for forward in &jwt.forward_claims {
        present("auth.methods.jwt.forward_claims.claim", forward.claim.as_bytes())?;
        header(field, &forward.header)?;
        if !names.insert(plain(&forward.header)) {
            return Err(Invalid::Twice { field, name: forward.header.clone() });
        }
    }
    Ok(())
}

fn validate_rate_limit(limit: &RateLimit) -> Result<(), Invalid> {
    present("rate_limits.name", limit.name.as_bytes())?;
    for (field, value) in [
        ("rate_limits.requests", limit.requests),
        ("rate_limits.interval_ms", limit.interval_ms),
        ("rate_limits.burst", limit.burst),
    ] {
        if value == 0 {
            return Err(Invalid::Zero(field));
        }
    }
    for key in &limit.keys {
        match &key.key {
            Some(Key::Header(name)) => header("rate_limits.keys.header", name)?,
            Some(Key::Claim(name)) => present("rate_limits.keys.claim", name.as_bytes())?,
            Some(Key::Consumer(_) | Key::SourceIp(_)) => {}
            None => return Err(Invalid::Choice("rate_limits.keys.key")),
        }
    }
    Ok(())
}

fn present<T>(field: &'static str, items: &[T]) -> Result<(), Invalid> {
    if items.is_empty() { Err(Invalid::Empty(field)) } else { Ok(()) }
}

fn validate_function_url(upstream: &FunctionUrl) -> Result<(), Invalid> {
    match AuthType::try_from(upstream.auth_type) {
        Ok(AuthType::AwsIam | AuthType::None) => {}
        Ok(AuthType::Unspecified) | Err(_) => {
            return Err(Invalid::UnknownEnum { field: "auth_type", value: upstream.auth_type });
        }
    }
    match InvokeMode::try_from(upstream.invoke_mode) {
        Ok(InvokeMode::Buffered | InvokeMode::ResponseStream) => {}
        Ok(InvokeMode::Unspecified) | Err(_) => {
            return Err(Invalid::UnknownEnum { field: "invoke_mode", value: upstream.invoke_mode });
        }
    }
    if upstream.region.is_empty() {
        return Err(Invalid::Empty("region"));
    }
    if !is_function_url_host(&upstream.host, &upstream.region) {
        return Err(Invalid::Host(upstream.host.clone()));
    }
    Ok(())
}

/// `<url id>.lambda-url.<region>.on.aws`, in lower case.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html>
fn is_function_url_host(host: &str, region: &str) -> bool {
    let Some((id, rest)) = host.split_once('.') else { return false };
    !id.is_empty()
        && id.len() <= 63
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && rest.strip_prefix("lambda-url.").and_then(|rest| rest.strip_suffix(".on.aws")) == Some(region)
}

#[cfg(test)]
mod tests;
