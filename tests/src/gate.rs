//! The gate: a reverse proxy of our own on loopback, between the processes under test and AWS's emulator or the
//! Kubernetes API server. It is always there. It passes, records and counts; a test can make it hold a request before
//! or after it went through, answer in the server's stead, lose an answer, or let a foreigner act at the worst moment.
//! Before the emulator it also keeps the rules of AWS that the emulator lacks (`gate/lambda.rs`).
//! What goes through keeps its Host, its bytes and its signature, and streams.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

mod answer;
mod barrier;
mod call;
mod connection;
mod lambda;
mod matching;
mod operation;
mod rules;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
mod upstream;

pub use answer::Answer;
pub use call::{Call, Seen};
pub use lambda::LambdaRules;
pub use matching::Match;
pub use operation::{Operation, Target};
pub use rules::{Held, Rule, RuleBuilder};
pub use upstream::Upstream;

use call::Calls;
use rules::Rules;

/// How long waiting for traffic that a test expects may take before the test fails.
const EXPECTED_WITHIN: Duration = Duration::from_secs(60);

/// A running gate. It ends when the last clone goes.
#[derive(Debug, Clone)]
pub struct Gate {
    shared: Arc<Shared>,
    address: SocketAddr,
    authority: Option<String>,
    _stop: Arc<DropGuard>,
}

/// What the gate's connections share.
#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    calls: Calls,
    rules: Arc<Rules>,
    lambda: Option<LambdaRules>,
}

impl Gate {
    /// A gate before a plain HTTP server.
    pub async fn before(address: SocketAddr) -> anyhow::Result<Self> {
        Self::open(Upstream::plain(address), None, false).await
    }

    /// The gate before the emulator, with AWS's rules.
    pub async fn before_emulator(address: SocketAddr, rules: LambdaRules) -> anyhow::Result<Self> {
        Self::open(Upstream::plain(address), Some(rules), false).await
    }

    /// A gate before the API server at `address`, whose certificate (for `name`, a DNS name or an IP address) is
    /// judged by `authority` (PEM). It serves TLS itself, with a certificate of its own authority: [`Gate::authority`].
    /// Callers authenticate by token: a client certificate ends here.
    pub async fn before_tls(address: SocketAddr, name: &str, authority: &str) -> anyhow::Result<Self> {
        Self::open(Upstream::tls(address, name, authority)?, None, true).await
    }

    async fn open(upstream: Upstream, lambda: Option<LambdaRules>, tls: bool) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("open the gate")?;
        let address = listener.local_addr()?;
        let (acceptor, authority) = if tls { tls::server()? } else { (None, None) };
        let shared = Arc::new(Shared { upstream, calls: Calls::default(), rules: Arc::default(), lambda });
        let stop = CancellationToken::new();
        tokio::spawn(connection::accept(listener, acceptor, Arc::clone(&shared), stop.clone()));
        Ok(Self { shared, address, authority, _stop: Arc::new(stop.drop_guard()) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL: what the processes under test get as their endpoint.
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The PEM certificate of the authority that signed its own, if it serves TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Begins a rule for the calls that match. A rule holds as long as its handle lives.
    pub fn on(&self, matching: Match) -> RuleBuilder {
        RuleBuilder::new(Arc::clone(&self.shared.rules), matching)
    }

    /// All calls so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.all()
    }

    /// The calls that match.
    pub fn calls_of(&self, matching: &Match) -> Vec<Call> {
        self.shared.calls.all().into_iter().filter(|call| matching.matches(&call.seen)).collect()
    }

    /// How many calls match.
    pub fn count(&self, matching: &Match) -> usize {
        self.calls_of(matching).len()
    }

    /// Waits until at least `count` calls that match have been answered, and answers them.
    pub async fn wait_for(&self, matching: &Match, count: usize) -> anyhow::Result<Vec<Call>> {
        let mut changes = self.shared.calls.changes();
        tokio::time::timeout(EXPECTED_WITHIN, async {
            loop {
                changes.borrow_and_update();
                let calls: Vec<Call> =
                    self.calls_of(matching).into_iter().filter(|call| call.status.is_some()).collect();
                if calls.len() >= count || changes.changed().await.is_err() {
                    return calls;
                }
            }
        })
        .await
        .with_context(|| format!("fewer than {count} calls came through the gate: {matching:?}"))
    }

    /// AWS's rules, if it stands before the emulator.
    pub fn lambda(&self) -> Option<&LambdaRules> {
        self.shared.lambda.as_ref()
    }
}
