//! How a refusal looks: RFC 9457 problem body (for browsers a page that says the same) and RFC 9209 `Proxy-Status`, all from
//! the one set of causes. Never in it: internal error text, the upstream's host, names of permissions.

mod format;

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use lambdaroute_proxy_config::cause::Cause;

pub(crate) use format::Format;

/// RFC 9209.
pub(crate) const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Why a request isn't answered by the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Of the closed set.
    pub(crate) cause: Cause,
    /// For the caller: what happened here.
    pub(crate) detail: Cow<'static, str>,
    /// For the log alone.
    pub(crate) reason: Option<String>,
    /// When to come again.
    pub(crate) retry_after: Option<HeaderValue>,
    /// What to bring (`WWW-Authenticate`), a line each.
    pub(crate) challenges: Vec<HeaderValue>,
}

impl Refused {
    pub(crate) fn new(cause: Cause, detail: impl Into<Cow<'static, str>>) -> Self {
        Refused { cause, detail: detail.into(), reason: None, retry_after: None, challenges: vec![] }
    }

    /// Adds what only the operator may read.
    pub(crate) fn because(mut self, reason: impl std::fmt::Display) -> Self {
        self.reason = Some(reason.to_string());
        self
    }
}

/// The answer to a refused request: status, headers and body.
pub(crate) fn problem(refused: &Refused, format: Format) -> Response<Bytes> {
    let cause = refused.cause;
    let body = match format {
        Format::Problem => format::problem(cause, &refused.detail),
        Format::Page => format::page(cause, &refused.detail),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(cause.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if format == Format::Page {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    set_proxy_status(headers, cause);
    if let Some(retry_after) = &refused.retry_after {
        headers.insert(RETRY_AFTER, retry_after.clone());
    } else if cause == Cause::LambdaThrottled {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    for challenge in &refused.challenges {
        headers.append(WWW_AUTHENTICATE, challenge.clone());
    }
    response
}

/// `Proxy-Status: lambdaroute; error=…; details="<cause>"`. A function's own header of that name is not believed.
pub(crate) fn set_proxy_status(headers: &mut HeaderMap, cause: Cause) {
    let text = format!("lambdaroute; error={}; details=\"{}\"", error_type(cause), cause.as_str());
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(PROXY_STATUS, value);
    }
}

/// The error type of RFC 9209 section 2.3 that says it best.
const fn error_type(cause: Cause) -> &'static str {
    match cause {
        Cause::BadRequest
        | Cause::RequestTimeout
        | Cause::RequestTooLarge
        | Cause::HeadersTooLarge
        | Cause::LambdaRequestTooLarge => "http_request_error",
        Cause::Unauthenticated | Cause::Forbidden | Cause::RateLimited => "http_request_denied",
        Cause::UpgradeUnsupported => "http_upgrade_failed",
        Cause::Internal => "proxy_internal_error",
        Cause::NoCredentials | Cause::NotProgrammed | Cause::LambdaAccessDenied | Cause::LambdaSignatureRefused => {
            "proxy_configuration_error"
        }
        Cause::Overloaded | Cause::ConcurrencyLimited => "connection_limit_reached",
        Cause::FunctionUrlGone => "destination_not_found",
        Cause::LambdaThrottled | Cause::LambdaUnavailable | Cause::UpstreamUnreachable | Cause::FunctionError => {
            "destination_unavailable"
        }
        Cause::UpstreamReset => "connection_terminated",
        Cause::UpstreamTimeout => "http_response_timeout",
    }
}

#[cfg(test)]
mod tests;
