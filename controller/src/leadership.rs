//! Leader election by a Lease: only its holder writes to AWS and Kubernetes and serves the route table. The number of its
//! holders so far is the epoch that orders everything they say.

mod lease;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, PostParams};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use crate::slices::FIELD_MANAGER;
use lease::{Claim, Watched};

/// How the Lease is held.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The Lease's name.
    pub name: String,
    /// Who this process is; never the same for two processes.
    pub identity: String,
    /// How long others wait after the last renewal that they saw.
    pub duration: Duration,
    /// How long the holder goes on without a renewal; shorter than `duration`.
    pub renew_deadline: Duration,
    /// How often the Lease is looked at and renewed.
    pub retry_period: Duration,
    /// Who the Lease belongs to, so that an uninstall takes it away.
    pub owner: Option<OwnerReference>,
}

/// The right to write, as long as it lasts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leadership {
    epoch: u64,
    deadline: watch::Receiver<Instant>,
}

impl Leadership {
    /// The first leader's, of a test that moves its deadline itself.
    #[cfg(test)]
    pub(crate) fn until(deadline: watch::Receiver<Instant>) -> Self {
        Self { epoch: 1, deadline }
    }

    /// Greater than that of every leader before; the Lease's transitions.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// No write may be begun that could end after it. It moves on with each renewal.
    pub fn deadline(&self) -> Instant {
        *self.deadline.borrow()
    }

    /// How long a write that begins now may take, at most `most`. None: none may begin.
    pub fn budget(&self, most: Duration) -> Option<Duration> {
        let left = self.deadline().saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| left.min(most))
    }

    /// Ends when the Lease is lost.
    pub async fn lost(&self) {
        let mut deadline = self.deadline.clone();
        loop {
            let until = *deadline.borrow_and_update();
            match tokio::time::timeout_at(until, deadline.changed()).await {
                Ok(Ok(())) => {}
                // Nobody renews any more: it lasts until the deadline that is known.
                Ok(Err(_)) => tokio::time::sleep_until(until).await,
                Err(_) => return,
            }
            if Instant::now() >= *deadline.borrow() {
                return;
            }
        }
    }
}

/// A Lease held by this process.
#[derive(Debug)]
pub struct Tenure {
    api: Api<Lease>,
    terms: Terms,
    lease: Lease,
    deadline: watch::Sender<Instant>,
    leadership: Leadership,
}

/// Waits until this process holds the Lease.
pub async fn acquire(api: Api<Lease>, terms: Terms) -> Tenure {
    let mut watched = Watched::default();
    let mut blind = false;
    loop {
        let begun = Instant::now();
        match timeout(terms.renew_deadline, attempt(&api, &terms, &mut watched)).await {
            Ok(Ok(Some(lease))) => {
                let epoch = lease::epoch(&lease);
                let (deadline, receiver) = watch::channel(begun + terms.renew_deadline);
                let leadership = Leadership { epoch, deadline: receiver };
                info!(lease = %terms.name, identity = %terms.identity, epoch, "leading");
                return Tenure { api, terms, lease, deadline, leadership };
            }
            Ok(Ok(None)) => blind = false,
            Ok(Err(error)) if !std::mem::replace(&mut blind, true) => {
                warn!(lease = %terms.name, error = %error, "can't read or take the lease, trying on");
            }
            Ok(Err(error)) => debug!(lease = %terms.name, error = %error, "can't read or take the lease"),
            Err(_) => warn!(lease = %terms.name, "no answer about the lease, trying on"),
        }
        tokio::time::sleep(terms.retry_period).await;
    }
}

async fn attempt(api: &Api<Lease>, terms: &Terms, watched: &mut Watched) -> Result<Option<Lease>, kube::Error> {
    let found = api.get_opt(&terms.name).await?;
    let now = Instant::now().into_std();
    watched.see(found.as_ref(), now);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    let taken = match lease::claim(found, watched, terms, now, Timestamp::now()) {
        Claim::Wait => return Ok(None),
        Claim::Create(lease) => api.create(&params, &lease).await,
        Claim::Take(lease) => api.replace(&terms.name, &params, &lease).await,
    };
    match taken {
        Ok(lease) => Ok(Some(lease)),
        // Somebody else was quicker.
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Tenure {
    /// The right to write that this tenure gives.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Renews the Lease; returns, with the reason, once it is lost.
    pub async fn keep(&mut self) -> String {
        loop {
            tokio::time::sleep(self.terms.retry_period).await;
            let begun = Instant::now();
            let left = self.leadership.deadline().saturating_duration_since(begun);
            if left.is_zero() {
                return format!("the lease {:?} was not renewed in time", self.terms.name);
            }
            match timeout(left.min(self.terms.renew_deadline / 2), self.renew()).await {
                Ok(Ok(())) => drop(self.deadline.send_replace(begun + self.terms.renew_deadline)),
                Ok(Err(Renewal::Lost(reason))) => {
                    self.deadline.send_replace(begun);
                    return reason;
                }
                Ok(Err(Renewal::Failed(error))) => warn!(error = %error, "can't renew the lease, trying on"),
                Err(_) => warn!("no answer to the renewal of the lease, trying on"),
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Renewal> {
        let mut lease = self.lease.clone();
        lease::renew(&mut lease, Timestamp::now());
        match self.api.replace(&self.terms.name, &params(), &lease).await {
            Ok(renewed) => {
                self.lease = renewed;
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                // Our own renewal whose answer was lost looks like this, too.
                match self.api.get_opt(&self.terms.name).await.map_err(Renewal::Failed)? {
                    Some(found) if lease::is_held(&found, &self.terms.identity, self.leadership.epoch) => {
                        self.lease = found;
                        Err(Renewal::Failed(kube::Error::Api(status)))
                    }
                    Some(_) => Err(Renewal::Lost(format!("the lease {:?} has another holder", self.terms.name))),
                    None => Err(Renewal::Lost(format!("the lease {:?} is deleted", self.terms.name))),
                }
            }
            Err(error) => Err(Renewal::Failed(error)),
        }
    }

    /// Gives the Lease back, so that the next leader needn't wait. Only after the last write has ended.
    pub async fn release(mut self) {
        self.deadline.send_replace(Instant::now());
        let name = self.terms.name.clone();
        match timeout(self.terms.renew_deadline, self.give_back()).await {
            Ok(Ok(())) => info!(lease = %name, "lease released"),
            Ok(Err(error)) => warn!(error = %error, "can't release the lease: the next leader waits until it ends"),
            Err(_) => warn!("no answer to the release of the lease: the next leader waits until it ends"),
        }
    }

    async fn give_back(&mut self) -> Result<(), kube::Error> {
        lease::release(&mut self.lease, Timestamp::now());
        match self.api.replace(&self.terms.name, &params(), &self.lease).await {
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                // A renewal was under way when this process was told to stop.
                let mut found = self.api.get(&self.terms.name).await?;
                if lease::is_held(&found, &self.terms.identity, self.leadership.epoch) {
                    lease::release(&mut found, Timestamp::now());
                    self.api.replace(&self.terms.name, &params(), &found).await?;
                }
                Ok(())
            }
            answer => answer.map(drop),
        }
    }
}

enum Renewal {
    Lost(String),
    Failed(kube::Error),
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

#[cfg(test)]
mod tests;
