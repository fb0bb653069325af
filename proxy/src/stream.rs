//! Follows the leader: tries the controllers' addresses in turn, holds one stream, and begins again when it ends. It decides
//! nothing about routes.

mod back_off;
mod connect;
mod session;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::args::HostPort;
use crate::aws::CredentialStore;
use crate::contact::Contact;
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::moment::Moment;
use crate::programmer::Command;
use crate::report::CauseCounts;

use back_off::{BackOff, Round};

/// What a stream needs.
pub(crate) struct Follower {
    pub(crate) controllers: Vec<HostPort>,
    pub(crate) ca_file: PathBuf,
    pub(crate) token_file: PathBuf,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) credentials: Arc<CredentialStore>,
    pub(crate) counts: Arc<CauseCounts>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) contact: Arc<Contact>,
    pub(crate) metrics: Arc<Metrics>,
}

/// How a stream ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("reading {0}: {1}")]
    File(PathBuf, std::io::Error),
    #[error("connecting: {0}")]
    Connect(String),
    #[error("{}: {}", .0.code(), .0.message())]
    Refused(Box<tonic::Status>),
    #[error("no answer to the stream's begin in time")]
    Silent,
    #[error("the controller ended the stream")]
    Closed,
    #[error("the controller is of an earlier epoch")]
    Stale,
    #[error("this process ends")]
    Stopping,
}

impl Ended {
    /// The address is a controller's, but not the leader's.
    fn is_not_leading(&self) -> bool {
        matches!(self, Ended::Refused(status) if status.code() == Code::FailedPrecondition)
    }
}

impl Follower {
    /// Follows until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled_owned(self.follow()).await;
    }

    async fn follow(self) {
        let mut back_off = BackOff::new();
        loop {
            let round = self.round().await;
            let wait = back_off.after(round, rand::random());
            tokio::time::sleep(wait).await;
        }
    }

    /// Tries each address once, until one gives a whole table and its stream ends.
    async fn round(&self) -> Round {
        let mut round = Round::Unreachable;
        for address in connect::addresses(&self.controllers).await {
            let mut whole = false;
            let ended = self.session(address, &mut whole).await;
            self.contact.disconnected(Moment::now());
            self.metrics.connected.set(0);
            if ended.is_not_leading() {
                tracing::debug!(%address, "not the leader");
                round = Round::NotLeading;
            } else {
                tracing::warn!(%address, error = %ended, "no stream to the controller");
            }
            if whole {
                return Round::Served;
            }
        }
        round
    }
}
