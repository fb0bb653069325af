//! What went through the gate.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use tokio::sync::watch;

use super::operation::{Operation, Target, operation};

/// Older calls are forgotten.
const KEPT: usize = 200_000;
/// Larger bodies are not kept with the record.
const KEPT_BODY: usize = 64 * 1024;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path, exactly as sent.
    pub path: String,
    /// Its query, exactly as sent, empty if none.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What it means to AWS.
    pub operation: Operation,
    /// Which function it is about, if it names one.
    pub target: Option<Target>,
}

impl Seen {
    pub(super) fn new(request: Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let (operation, target) = operation(&parts.method, &path, &query, &parts.headers, &body);
        Self { method: parts.method, path, query, headers: parts.headers, body, operation, target }
    }

    /// The Host header.
    pub fn host(&self) -> &str {
        self.header(header::HOST.as_str()).unwrap_or_default()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A query parameter, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into())
    }

    /// The JSON body, `Null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The path with its query.
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    pub(super) fn request(&self) -> anyhow::Result<Request<Bytes>> {
        let mut request = Request::builder().method(self.method.clone()).uri(self.target()).body(self.body.clone())?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }
}

/// A request and what became of it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The request. Bodies over 64 KiB are left out.
    pub seen: Arc<Seen>,
    /// The status that the caller got. `None`: not answered (yet).
    pub status: Option<StatusCode>,
}

/// The record.
#[derive(Debug)]
pub(super) struct Calls {
    record: Mutex<Record>,
    changes: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Record {
    first: usize,
    calls: VecDeque<Call>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { record: Mutex::default(), changes: watch::Sender::new(()) }
    }
}

impl Calls {
    /// Adds a call and answers its number.
    pub(super) fn arrived(&self, seen: &Seen) -> usize {
        let mut kept = seen.clone();
        if kept.body.len() > KEPT_BODY {
            kept.body = Bytes::new();
        }
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if record.calls.len() == KEPT {
            record.calls.pop_front();
            record.first += 1;
        }
        record.calls.push_back(Call { seen: Arc::new(kept), status: None });
        record.first + record.calls.len() - 1
    }

    pub(super) fn answered(&self, number: usize, status: StatusCode) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let first = record.first;
        if let Some(call) = number.checked_sub(first).and_then(|index| record.calls.get_mut(index)) {
            call.status = Some(status);
        }
        drop(record);
        self.changes.send_replace(());
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).calls.iter().cloned().collect()
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}
