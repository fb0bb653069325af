//! A line of the access log. Pure. Never in it: query, headers, bodies, keys, tokens; of a token, nothing but the consumer's
//! name that the function is told too.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, StatusCode, Uri};
use lambdaroute_proxy_config::cause::{Cause, Owner};
use serde::Serialize;

use crate::trace_context::TraceId;

/// Bytes of a path that are told.
const LONGEST_PATH: usize = 2048;

/// A request, as the log tells it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) time: SystemTime,
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) method: Method,
    /// Its path alone is told.
    pub(crate) target: Uri,
    /// The trusted address.
    pub(crate) client: IpAddr,
    /// None: the caller left before there was an answer.
    pub(crate) status: Option<StatusCode>,
    /// None: the function's own answer.
    pub(crate) cause: Option<Cause>,
    pub(crate) total: Duration,
    pub(crate) upstream: Option<Duration>,
    /// Of the bodies.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// The method that recognised the caller, and as whom.
    pub(crate) auth: Option<String>,
    pub(crate) consumer: Option<String>,
    pub(crate) trace_id: Option<TraceId>,
    /// `x-amzn-requestid` of the answer.
    pub(crate) aws_request_id: Option<HeaderValue>,
}

/// The names in the log. What there isn't, isn't told.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    log: &'static str,
    namespace: &'a str,
    name: &'a str,
    method: &'a str,
    path: &'a str,
    client: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    cause: &'static str,
    function_error: bool,
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_ms: Option<f64>,
    bytes_in: u64,
    bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_request_id: Option<&'a str>,
}

impl Entry {
    /// One line of JSON, with its newline.
    pub(crate) fn line(&self) -> Vec<u8> {
        let timestamp = jiff::Timestamp::try_from(self.time).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let line = Line {
            timestamp: format!("{timestamp:.6}"),
            log: "access",
            namespace: &self.namespace,
            name: &self.name,
            method: self.method.as_str(),
            path: start(self.target.path()),
            client: self.client.to_canonical(),
            status: self.status.map(|status| status.as_u16()),
            cause: self.cause.map_or("none", Cause::as_str),
            function_error: self.cause.is_some_and(|cause| cause.owner() == Owner::Function),
            duration_ms: milliseconds(self.total),
            upstream_ms: self.upstream.map(milliseconds),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            auth: self.auth.as_deref(),
            consumer: self.consumer.as_deref(),
            trace_id: self.trace_id.as_ref().and_then(|id| std::str::from_utf8(id).ok()),
            aws_request_id: self.aws_request_id.as_ref().and_then(|id| id.to_str().ok()),
        };
        // Strings and numbers: it doesn't fail.
        let mut line = serde_json::to_vec(&line).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// As much of a path as is told. Thousands of lines may wait to be written.
fn start(path: &str) -> &str {
    &path[..path.floor_char_boundary(LONGEST_PATH)]
}

/// To the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
pub(super) mod tests;
