//! The features that a route may require of a proxy. A feature is named once and never changes its meaning.

use std::collections::BTreeSet;

use crate::v1alpha1::auth_method::Method;
use crate::v1alpha1::route::Upstream;
use crate::v1alpha1::{AuthType, InvokeMode, Route};

/// Serves a function URL with AWS_IAM: signs requests with SigV4.
pub const FUNCTION_URL: &str = "function-url";

/// Serves a function URL with auth type NONE: forwards unsigned.
pub const UNSIGNED: &str = "unsigned";

/// Streams the answer of a function URL whose invoke mode is RESPONSE_STREAM.
pub const RESPONSE_STREAM: &str = "response-stream";

/// Recognises callers by API keys.
pub const AUTH_API_KEY: &str = "auth-api-key";

/// Recognises callers by JSON Web Tokens.
pub const AUTH_JWT: &str = "auth-jwt";

/// Recognises callers by tokens of the cluster's ServiceAccounts.
pub const AUTH_SERVICE_ACCOUNT: &str = "auth-service-account";

/// Enforces rate limits, by this proxy's shares.
pub const RATE_LIMITS: &str = "rate-limits";

/// Limits requests in flight, by this proxy's share.
pub const CONCURRENCY: &str = "concurrency";

/// Answers CORS preflights, and says CORS headers itself.
pub const CORS: &str = "cors";

/// Admits and denies callers by their address.
pub const SOURCE_RANGES: &str = "source-ranges";

/// Sets and removes headers of requests.
pub const REQUEST_HEADERS: &str = "request-headers";

/// Passes the caller's Authorization under another name.
pub const FORWARD_AUTHORIZATION: &str = "forward-authorization";

/// Keeps the route's own timeouts.
pub const TIMEOUTS: &str = "timeouts";

/// Keeps the route's own limit of a request's body.
pub const MAX_REQUEST_BODY: &str = "max-request-body";

/// What this build's proxy understands.
pub const SUPPORTED: &[&str] = &[
    FUNCTION_URL,
    UNSIGNED,
    RESPONSE_STREAM,
    AUTH_API_KEY,
    AUTH_JWT,
    AUTH_SERVICE_ACCOUNT,
    RATE_LIMITS,
    CONCURRENCY,
    CORS,
    SOURCE_RANGES,
    REQUEST_HEADERS,
    FORWARD_AUTHORIZATION,
    TIMEOUTS,
    MAX_REQUEST_BODY,
];

/// The features that a route must require for what it holds. Pure: what a proxy must not ignore is named for it, so that
/// one that would drop the field refuses the route.
pub fn of(route: &Route) -> Vec<&'static str> {
    // Destructured whole: a field that is added must be thought of here.
    let Route {
        namespace: _,
        name: _,
        port: _,
        requires: _,
        upstream,
        auth,
        rate_limits,
        concurrency,
        cors,
        source_ranges,
        request_headers,
        forward_authorization_as,
        timeouts,
        max_request_body,
    } = route;
    let mut features = BTreeSet::new();
    match upstream {
        Some(Upstream::FunctionUrl(url)) => {
            features.insert(if url.auth_type() == AuthType::None { UNSIGNED } else { FUNCTION_URL });
            if url.invoke_mode() == InvokeMode::ResponseStream {
                features.insert(RESPONSE_STREAM);
            }
        }
        None => {}
    }
    for method in auth.iter().flat_map(|auth| &auth.methods) {
        match method.method {
            Some(Method::ApiKey(_)) => features.insert(AUTH_API_KEY),
            Some(Method::Jwt(_)) => features.insert(AUTH_JWT),
            Some(Method::ServiceAccount(_)) => features.insert(AUTH_SERVICE_ACCOUNT),
            None => false,
        };
    }
    for (holds, feature) in [
        (!rate_limits.is_empty(), RATE_LIMITS),
        (concurrency.is_some(), CONCURRENCY),
        (cors.is_some(), CORS),
        (source_ranges.is_some(), SOURCE_RANGES),
        (request_headers.is_some(), REQUEST_HEADERS),
        (!forward_authorization_as.is_empty(), FORWARD_AUTHORIZATION),
        (timeouts.is_some(), TIMEOUTS),
        (*max_request_body != 0, MAX_REQUEST_BODY),
    ] {
        if holds {
            features.insert(feature);
        }
    }
    features.into_iter().collect()
}

/// The first required feature that isn't among `supported`.
pub fn missing<'a>(requires: &'a [String], supported: &BTreeSet<&str>) -> Option<&'a str> {
    requires.iter().map(String::as_str).find(|feature| !supported.contains(feature))
}
