//! The closed sets that metrics are told apart by, each with a place in an array. Pure: nothing that a caller sends makes a
//! label.

use http::StatusCode;
use lambdaroute_proxy_config::cause::Cause;

/// Methods: those of RFC 9110 and PATCH by name, all others as one, as OpenTelemetry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodLabel {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Connect,
    Trace,
    Other,
}

impl MethodLabel {
    /// In the order of their places.
    pub(crate) const ALL: [MethodLabel; 10] = [
        MethodLabel::Get,
        MethodLabel::Head,
        MethodLabel::Post,
        MethodLabel::Put,
        MethodLabel::Patch,
        MethodLabel::Delete,
        MethodLabel::Options,
        MethodLabel::Connect,
        MethodLabel::Trace,
        MethodLabel::Other,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            MethodLabel::Get => "GET",
            MethodLabel::Head => "HEAD",
            MethodLabel::Post => "POST",
            MethodLabel::Put => "PUT",
            MethodLabel::Patch => "PATCH",
            MethodLabel::Delete => "DELETE",
            MethodLabel::Options => "OPTIONS",
            MethodLabel::Connect => "CONNECT",
            MethodLabel::Trace => "TRACE",
            MethodLabel::Other => "_OTHER",
        }
    }
}

impl From<&http::Method> for MethodLabel {
    fn from(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => MethodLabel::Get,
            http::Method::HEAD => MethodLabel::Head,
            http::Method::POST => MethodLabel::Post,
            http::Method::PUT => MethodLabel::Put,
            http::Method::PATCH => MethodLabel::Patch,
            http::Method::DELETE => MethodLabel::Delete,
            http::Method::OPTIONS => MethodLabel::Options,
            http::Method::CONNECT => MethodLabel::Connect,
            http::Method::TRACE => MethodLabel::Trace,
            _ => MethodLabel::Other,
        }
    }
}

/// Classes of status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeClass {
    /// The caller left before there was an answer.
    None,
    Informational,
    Success,
    Redirection,
    ClientError,
    ServerError,
}

impl CodeClass {
    /// In the order of their places.
    pub(crate) const ALL: [CodeClass; 6] = [
        CodeClass::None,
        CodeClass::Informational,
        CodeClass::Success,
        CodeClass::Redirection,
        CodeClass::ClientError,
        CodeClass::ServerError,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            CodeClass::None => "none",
            CodeClass::Informational => "1xx",
            CodeClass::Success => "2xx",
            CodeClass::Redirection => "3xx",
            CodeClass::ClientError => "4xx",
            CodeClass::ServerError => "5xx",
        }
    }
}

impl From<StatusCode> for CodeClass {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            1 => CodeClass::Informational,
            2 => CodeClass::Success,
            3 => CodeClass::Redirection,
            4 => CodeClass::ClientError,
            _ => CodeClass::ServerError,
        }
    }
}

/// The label of a cause. None: the function's own answer.
pub(crate) fn cause(cause: Option<Cause>) -> &'static str {
    cause.map_or("none", Cause::as_str)
}

#[cfg(test)]
mod tests;
