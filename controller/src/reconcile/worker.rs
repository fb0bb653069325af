//! Workers: take a key, reconcile it, and let the queue know how it went.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Name, Reconciler};
use crate::priority::Priority;
use crate::queue::Queue;
use crate::target::FunctionTarget;

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

/// Workers for targets and as many for routes, that take no new key once `stop` is cancelled, and end when they have done
/// their last.
pub(super) fn spawn(reconciler: &Arc<Reconciler>, stop: &CancellationToken) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for _ in 0..reconciler.setup.args.workers {
        let (for_targets, for_routes) = (reconciler.clone(), reconciler.clone());
        let (stop_targets, stop_routes) = (stop.clone(), stop.clone());
        workers.spawn(async move {
            while let Some((target, priority)) =
                stop_targets.run_until_cancelled(for_targets.queue.targets.next()).await
            {
                work_on_target(&for_targets, target, priority).await;
            }
        });
        workers.spawn(async move {
            while let Some((name, priority)) = stop_routes.run_until_cancelled(for_routes.queue.routes.next()).await {
                work_on_route(&for_routes, name, priority).await;
            }
        });
    }
    workers
}

async fn work_on_target(reconciler: &Reconciler, target: FunctionTarget, priority: Priority) {
    let outcome = reconciler.reconcile_target(&target, priority).await;
    settle(&reconciler.queue.targets, target, priority, outcome);
    count(reconciler, "target", outcome);
}

async fn work_on_route(reconciler: &Reconciler, name: Name, priority: Priority) {
    let outcome = reconciler.reconcile_route(&name).await;
    settle(&reconciler.queue.routes, name, priority, outcome);
    count(reconciler, "route", outcome);
}

fn settle<K: Clone + Ord + Hash>(queue: &Queue<K>, key: K, priority: Priority, outcome: Outcome) {
    match outcome {
        Outcome::Done(again) => {
            queue.forget(&key);
            if let Some(delay) = again {
                queue.add_after(key.clone(), delay, Priority::Drift);
            }
        }
        Outcome::Again { first, longest, why: _ } => {
            queue.retry(key.clone(), priority, first, longest, rand::random());
        }
    }
    queue.done(&key);
}

fn count(reconciler: &Reconciler, kind: &'static str, outcome: Outcome) {
    let outcome = match outcome {
        Outcome::Done(_) => "done",
        Outcome::Again { why, .. } => why,
    };
    reconciler.setup.metrics.count(kind, outcome);
    reconciler.setup.metrics.waiting(reconciler.queue.len());
}
