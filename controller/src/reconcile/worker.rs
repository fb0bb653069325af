//! Workers: take a key, reconcile it, and let the queue know how it went.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Key, Reconciler};

/// The first back-off where nothing says otherwise: objects that changed meanwhile.
const FIRST: Duration = Duration::from_millis(50);
/// The longest back-off.
const LONGEST: Duration = Duration::from_secs(300);

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is left to do; again by itself after so long.
    Done(Option<Duration>),
    /// Not done: again with back-off, from `first` to `longest`.
    Again { first: Duration, longest: Duration, why: &'static str },
}

impl Outcome {
    /// Not done, for a reason that time cures.
    pub(super) const fn retry(why: &'static str) -> Self {
        Outcome::Again { first: FIRST, longest: LONGEST, why }
    }
}

/// Workers that take no new key once `stop` is cancelled, and end when they have done their last.
pub(super) fn spawn(reconciler: &Arc<Reconciler>, stop: &CancellationToken) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for _ in 0..reconciler.setup.args.workers {
        let (reconciler, stop) = (reconciler.clone(), stop.clone());
        workers.spawn(async move {
            while let Some(key) = stop.run_until_cancelled(reconciler.queue.next()).await {
                work(&reconciler, key).await;
            }
        });
    }
    workers
}

async fn work(reconciler: &Reconciler, key: Key) {
    let outcome = match &key {
        Key::Target(target) => reconciler.reconcile_target(target).await,
        Key::Route(name) => reconciler.reconcile_route(name).await,
    };
    match outcome {
        Outcome::Done(again) => {
            reconciler.queue.forget(&key);
            if let Some(delay) = again {
                reconciler.queue.add_after(key.clone(), delay);
            }
            reconciler.setup.metrics.count(&key, "done");
        }
        Outcome::Again { first, longest, why } => {
            reconciler.queue.retry(key.clone(), first, longest, rand::random());
            reconciler.setup.metrics.count(&key, why);
        }
    }
    reconciler.queue.done(&key);
    reconciler.setup.metrics.waiting(reconciler.queue.len());
}
