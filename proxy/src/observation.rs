//! Watches one request from its headers to the end of its answer, and counts it then, however it ends.

use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};
use lambdaroute_proxy_config::cause::Cause;

use crate::metrics::RouteMetrics;

/// The cause of a request that nobody refused.
const NO_CAUSE: &str = "none";

/// Counts on drop: an answer may end by its last byte, by a failure, or by a caller who leaves.
pub(crate) struct Observation {
    metrics: Arc<RouteMetrics>,
    begun: Instant,
    method: &'static str,
    code: &'static str,
    cause: &'static str,
}

impl Observation {
    pub(crate) fn begin(metrics: Arc<RouteMetrics>, method: &Method) -> Self {
        metrics.in_flight().inc();
        Observation { metrics, begun: Instant::now(), method: method_label(method), code: "none", cause: NO_CAUSE }
    }

    /// The answer's status, as the caller sees it.
    pub(crate) fn status(&mut self, status: StatusCode) {
        self.code = code_class(status);
    }

    /// Why it isn't the function's own answer.
    pub(crate) fn cause(&mut self, cause: Cause) {
        self.cause = cause.as_str();
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.metrics.in_flight().dec();
        self.metrics.answered((self.method, self.code, self.cause), self.begun.elapsed());
    }
}

/// The methods of RFC 9110 and PATCH by name, all others as one, as OpenTelemetry does.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "_OTHER",
    }
}

fn code_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests;
