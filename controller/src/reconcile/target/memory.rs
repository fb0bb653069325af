//! What is remembered of targets: the last look, and what was found for the routes on them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::observe::observe;
use crate::priority::Priority;
use crate::reconcile::{Key, Looked, Reconciler, lock};
use crate::step::RouteKey;
use crate::target::FunctionTarget;
use crate::view::{Failure, TargetView};

impl Reconciler {
    /// What is known of the target, or what AWS says now.
    pub(super) async fn look(
        &self,
        target: &FunctionTarget,
        oldest: Option<Duration>,
        priority: Priority,
    ) -> Result<Looked, Failure> {
        let period = oldest.unwrap_or(self.setup.args.resync_interval);
        {
            let mut targets = lock(&self.targets);
            let memory = targets.entry(target.clone()).or_default();
            if let Some(looked) = memory.looked.take()
                && !memory.stale
                && looked.at.elapsed() < period
            {
                return Ok(looked);
            }
            memory.stale = false;
            memory.asked = Some(Instant::now());
        }
        match observe(&self.setup.aws.lambda(target, priority), target).await {
            Ok(observed) => Ok(Looked { observed, at: Instant::now(), time: Timestamp::now() }),
            Err((aspect, error)) => Err(Failure { aspect, error: error.about(&target.arn()) }),
        }
    }

    pub(super) fn keep(&self, target: &FunctionTarget, looked: Option<Looked>) {
        if let Some(memory) = lock(&self.targets).get_mut(target) {
            memory.looked = looked;
        }
    }

    /// Nothing counts as released any more that is in use again.
    pub(super) fn hold_back(&self, target: &FunctionTarget, releasing: &BTreeSet<RouteKey>) {
        let mut targets = lock(&self.targets);
        let Some(view) = targets.get_mut(target).and_then(|memory| memory.view.as_mut()) else { return };
        if !view.released.is_subset(releasing) {
            Arc::make_mut(view).released.retain(|route| releasing.contains(route));
        }
    }

    /// Lets the routes know what was found.
    pub(super) fn publish(&self, target: &FunctionTarget, view: TargetView) {
        let changed = {
            let mut targets = lock(&self.targets);
            let memory = targets.entry(target.clone()).or_default();
            let changed = memory.view.as_deref() != Some(&view);
            memory.view = Some(Arc::new(view));
            changed
        };
        if changed {
            for name in lock(&self.index).routes(target) {
                self.queue.add(Key::Route(name));
            }
        }
    }
}
