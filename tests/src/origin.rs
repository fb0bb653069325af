//! A function URL of our own: an HTTP origin that verifies each request's signature as AWS does, from the request as
//! received, and does what the emulator can't: stream on a test's command, stall, break, throttle.
//! Without a script for a path it answers with what it received.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::credentials::KnownKeys;

mod refusal;
mod script;
mod server;
mod socket;

pub use script::{Canned, Script, Streamed};

use script::Scripts;

const EXPECTED_WITHIN: Duration = Duration::from_secs(60);

/// A request that the origin received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its method.
    pub method: String,
    /// Path and query, exactly as sent.
    pub target: String,
    /// The Host header.
    pub host: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body's size.
    pub size: usize,
    /// Its body's SHA-256 in hexadecimal.
    pub sha256: String,
    /// The ARN that signed it, or why the signature was refused. `None`: not looked at, as the test wished.
    pub signer: Option<Result<String, String>>,
    /// The number of the connection that it came on, from 0.
    pub connection: usize,
}

impl Received {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A running origin. It ends when the last clone goes.
#[derive(Debug, Clone)]
pub struct Origin {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: Arc<DropGuard>,
}

#[derive(Debug)]
struct Shared {
    keys: KnownKeys,
    region: String,
    scripts: Scripts,
    received: watch::Sender<Vec<Received>>,
    connections: AtomicUsize,
    open: AtomicUsize,
}

impl Origin {
    /// Starts one on loopback. Requests must be signed for `lambda` in `region` by one of `keys`.
    pub async fn start(keys: KnownKeys, region: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("open the origin")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            keys,
            region: region.to_owned(),
            scripts: Scripts::default(),
            received: watch::Sender::new(Vec::new()),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let stop = CancellationToken::new();
        tokio::spawn(server::accept(listener, Arc::clone(&shared), stop.clone()));
        Ok(Self { shared, address, _stop: Arc::new(stop.drop_guard()) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a proxy gets as `--function-url-endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers to requests whose path (without the query) is this one. Replaces an earlier script.
    pub fn on(&self, path: &str) -> Script<'_> {
        Script::new(&self.shared.scripts, path)
    }

    /// The host of a made-up function URL that leads here.
    pub fn host(&self, id: &str) -> String {
        format!("{id}.lambda-url.{}.on.aws", self.shared.region)
    }

    /// All requests so far, those with a wrong signature too.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.borrow().clone()
    }

    /// The requests for a path (without the query).
    pub fn received_at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|received| at(received, path)).collect()
    }

    /// Waits until so many requests for a path have come.
    pub async fn wait_for(&self, path: &str, count: usize) -> anyhow::Result<Vec<Received>> {
        let mut changes = self.shared.received.subscribe();
        let enough =
            changes.wait_for(|received| received.iter().filter(|received| at(received, path)).count() >= count);
        tokio::time::timeout(EXPECTED_WITHIN, enough)
            .await
            .with_context(|| format!("fewer than {count} requests for {path} reached the origin"))??;
        Ok(self.received_at(path))
    }

    /// How many connections it accepted, and how many of them are open.
    pub fn connections(&self) -> (usize, usize) {
        (self.shared.connections.load(Ordering::SeqCst), self.shared.open.load(Ordering::SeqCst))
    }
}

fn at(received: &Received, path: &str) -> bool {
    received.target.split('?').next() == Some(path)
}

/// A canned answer in AWS's shape or any other.
impl Canned {
    /// The function's own answer.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// … with a header. May be called again with the same name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
            self.headers.push((name, value));
        }
        self
    }

    /// AWS throttles: 429. Its body on function URLs was never captured; this is the API's.
    pub fn throttled() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            r#"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#,
        )
        .header("content-type", "application/json")
        .header("x-amzn-errortype", "TooManyRequestsException")
    }

    /// AWS doesn't let the signer in: a statement is missing.
    pub fn access_denied() -> Self {
        refusal::not_authorized()
    }

    /// No function URL has this host.
    pub fn no_such_url() -> Self {
        refusal::no_such_url()
    }

    /// The function failed: AWS's own 502.
    pub fn function_error() -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "Internal Server Error").header("content-type", "application/json")
    }

    /// AWS refuses the request's size.
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            r#"{"Message":"Request must be smaller than 6291456 bytes for the InvokeFunction operation"}"#,
        )
        .header("content-type", "application/json")
        .header("x-amzn-errortype", "RequestEntityTooLargeException")
    }

    /// AWS itself is in trouble.
    pub fn service_unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#)
            .header("content-type", "application/json")
            .header("x-amzn-errortype", "ServiceUnavailableException")
    }
}
