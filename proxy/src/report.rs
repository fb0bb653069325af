//! What the proxy tells the controller: whose credentials it has, how often which route failed for what, and which key sets
//! may be old.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lambdaroute_proxy_config::cause::Cause;
use lambdaroute_proxy_config::v1alpha1::report::Identity as ReportedIdentity;
use lambdaroute_proxy_config::v1alpha1::{CauseCount, Report};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::aws::Identity;

/// Reports of growing counts are at least this far apart.
const INTERVAL: Duration = Duration::from_secs(1);
/// A vanished permission is told at once, but not more often than this.
const URGENT_INTERVAL: Duration = Duration::from_millis(200);

/// A key set is told to be old at most this often.
const STALE_INTERVAL: Duration = Duration::from_secs(60);

/// Counts of refused and failed requests, not yet reported. Touched only when a request fails.
#[derive(Default)]
pub(crate) struct CauseCounts {
    counts: Mutex<Counts>,
    grown: Notify,
}

#[derive(Default)]
struct Counts {
    by_route: HashMap<(Arc<str>, Cause), u64>,
    urgent: bool,
    /// Key sets that may be old, to be reported.
    stale: BTreeSet<Arc<str>>,
    /// When those of the last time were found, so that a flood of strange tokens makes one report.
    found: HashMap<Arc<str>, Instant>,
}

/// What there is to report.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct News {
    /// Refused and failed requests.
    pub(crate) causes: Vec<CauseCount>,
    /// Ids of key sets that may be old.
    pub(crate) stale_key_sets: Vec<String>,
}

impl CauseCounts {
    /// One more.
    pub(crate) fn add(&self, route_id: &Arc<str>, cause: Cause) {
        let mut counts = self.lock();
        *counts.by_route.entry((route_id.clone(), cause)).or_insert(0) += 1;
        counts.urgent |= cause == Cause::LambdaAccessDenied;
        drop(counts);
        self.grown.notify_one();
    }

    /// A key set may be old. Reported at most once in [`STALE_INTERVAL`].
    pub(crate) fn stale_key_set(&self, id: Arc<str>) {
        let now = Instant::now();
        let mut counts = self.lock();
        if counts.found.get(&id).is_some_and(|found| now < *found + STALE_INTERVAL) {
            return;
        }
        counts.found.retain(|_, found| now < *found + STALE_INTERVAL);
        counts.found.insert(id.clone(), now);
        counts.stale.insert(id);
        drop(counts);
        self.grown.notify_one();
    }

    /// Everything since the last time, in order.
    fn take(&self) -> News {
        let mut counts = self.lock();
        let taken = std::mem::take(&mut *counts);
        counts.found = taken.found;
        drop(counts);
        let stale_key_sets = taken.stale.iter().map(|id| id.to_string()).collect();
        let mut causes: Vec<CauseCount> = taken
            .by_route
            .into_iter()
            .map(|((route_id, cause), count)| CauseCount {
                route_id: route_id.to_string(),
                cause: cause.as_str().to_owned(),
                count,
            })
            .collect();
        causes.sort_by(|a, b| (&a.route_id, &a.cause).cmp(&(&b.route_id, &b.cause)));
        News { causes, stale_key_sets }
    }

    /// Whether there is something to report, and whether it can't wait.
    fn state(&self) -> (bool, bool) {
        let counts = self.lock();
        (!counts.by_route.is_empty() || !counts.stale.is_empty(), counts.urgent)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Paces reports of counts over one stream.
pub(crate) struct Pace {
    last: Option<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Pace { last: None }
    }

    /// Waits until there is something to report, and takes it. Safe to drop: then nothing is taken.
    pub(crate) async fn next(&mut self, counts: &CauseCounts) -> News {
        loop {
            let grown = counts.grown.notified();
            let (any, urgent) = counts.state();
            if !any {
                grown.await;
                continue;
            }
            let interval = if urgent { URGENT_INTERVAL } else { INTERVAL };
            let due = self.last.map_or_else(Instant::now, |last| last + interval);
            if due <= Instant::now() {
                self.last = Some(Instant::now());
                return counts.take();
            }
            tokio::select! {
                () = sleep_until(due) => {}
                () = grown => {}
            }
        }
    }
}

/// A report of the identity and of news.
pub(crate) fn report(identity: &Identity, news: News) -> Report {
    let identity = match identity {
        Identity::Unknown => None,
        Identity::Arn(arn) => Some(ReportedIdentity::IdentityArn(arn.clone())),
        Identity::Unidentified(why) => Some(ReportedIdentity::IdentityError(why.clone())),
        Identity::NoCredentials(why) => Some(ReportedIdentity::CredentialsError(why.clone())),
    };
    let News { causes, stale_key_sets } = news;
    Report { identity, causes, stale_key_sets }
}

#[cfg(test)]
mod tests;
