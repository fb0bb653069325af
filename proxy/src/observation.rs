//! Watches one request from its headers to the end of its answer, and counts and logs it then, however it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use lambdaroute_proxy_config::cause::Cause;

use crate::access_log::{AccessLog, Entry};
use crate::limit::admission::Permit;
use crate::metrics::{Answered, CodeClass, MethodLabel, RouteMetrics};

/// AWS's name of a request.
pub(crate) const X_AMZN_REQUESTID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Counts on drop: an answer may end by its last byte, by a failure, or by a caller who leaves.
pub(crate) struct Observation {
    metrics: Arc<RouteMetrics>,
    begun: Instant,
    sent: Option<Instant>,
    answered: Answered,
    /// What is logged of it in the end. Absent: it isn't logged.
    entry: Option<(Arc<AccessLog>, Box<Entry>)>,
    /// Held as long as the request is in flight.
    permit: Option<Permit>,
}

impl Observation {
    /// `peer`: whose address it is until a trusted proxy says otherwise.
    pub(crate) fn begin(metrics: Arc<RouteMetrics>, parts: &Parts, peer: IpAddr, log: &Arc<AccessLog>) -> Self {
        metrics.begun();
        let answered = Answered::begun(MethodLabel::from(&parts.method));
        let entry = log.wants_this().then(|| {
            let entry = Entry {
                time: SystemTime::now(),
                namespace: metrics.namespace.clone(),
                name: metrics.name.clone(),
                method: parts.method.clone(),
                target: parts.uri.clone(),
                client: peer,
                status: None,
                cause: None,
                total: answered.total,
                upstream: None,
                bytes_in: 0,
                bytes_out: 0,
                auth: None,
                consumer: None,
                trace_id: None,
                aws_request_id: None,
            };
            (log.clone(), Box::new(entry))
        });
        Observation { metrics, begun: Instant::now(), sent: None, answered, entry, permit: None }
    }

    /// When the request has come.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// Tells the access log more, if the request is logged at all.
    pub(crate) fn tell(&mut self, more: impl FnOnce(&mut Entry)) {
        if let Some((_, entry)) = &mut self.entry {
            more(entry);
        }
    }

    /// Keeps the route's permit to the answer's end.
    pub(crate) fn hold(&mut self, permit: Option<Permit>) {
        self.permit = permit;
    }

    /// It is sent to the function URL now.
    pub(crate) fn sent(&mut self) {
        self.sent = Some(Instant::now());
    }

    /// The headers of the function URL's answer are here.
    pub(crate) fn upstream_answered(&mut self, request_id: Option<&HeaderValue>) {
        self.answered.upstream = self.sent.map(|sent| sent.elapsed());
        self.tell(|entry| entry.aws_request_id = request_id.cloned());
    }

    /// The answer's status, as the caller sees it.
    pub(crate) fn status(&mut self, status: StatusCode) {
        self.answered.code = CodeClass::from(status);
        self.tell(|entry| entry.status = Some(status));
    }

    /// Why it isn't the function's own answer.
    pub(crate) fn cause(&mut self, cause: Cause) {
        self.answered.cause = Some(cause);
    }

    /// Bytes of the answer's body go to the caller.
    pub(crate) fn passed(&mut self, bytes: usize) {
        self.tell(|entry| entry.bytes_out += bytes as u64);
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.answered.total = self.begun.elapsed();
        self.metrics.answered(&self.answered);
        if let Some((log, mut entry)) = self.entry.take() {
            entry.cause = self.answered.cause;
            entry.total = self.answered.total;
            entry.upstream = self.answered.upstream;
            log.log(&entry);
        }
    }
}
