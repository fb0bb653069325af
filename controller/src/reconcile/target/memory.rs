//! What is remembered of targets: the last look, and what was found for the routes on them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Routes;
use crate::contest::Held;
use crate::drift::{Drift, repaired};
use crate::observe::observe;
use crate::plan::{Intent, RouteOnTarget, plan};
use crate::priority::Priority;
use crate::reconcile::{Key, Looked, Reconciler, lock};
use crate::rest::{last_look, settings_digest};
use crate::step::{RouteKey, Step};
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
        {
            let now = Instant::now();
            let mut targets = lock(&self.targets);
            let memory = targets.entry(target.clone()).or_default();
            let fresh = |looked: &Looked| match oldest {
                Some(oldest) => looked.at.elapsed() < oldest,
                None => memory.schedule.rests(now.into_std()),
            };
            if let Some(looked) = memory.looked.take().filter(fresh) {
                return Ok(looked);
            }
            memory.schedule.begin(now.into_std());
            memory.asked = Some(now);
        }
        let observed = observe(&self.setup.aws.lambda(target, priority), target)
            .await
            .map_err(|(aspect, error)| Failure { aspect, error: error.about(&target.arn()) })?;
        let (at, time) = (Instant::now(), Timestamp::now());
        if let Some(memory) = lock(&self.targets).get_mut(target) {
            memory.schedule.looked(at.into_std(), time, self.setup.args.drift_interval, rand::random());
        }
        Ok(Looked { observed, at, time })
    }

    /// How long a target may be left alone that this leader never looked at: another one did, and nothing has changed since.
    pub(super) fn rests(
        &self,
        target: &FunctionTarget,
        routes: &Routes,
        concerned: &[RouteOnTarget],
    ) -> Option<Duration> {
        let mut targets = lock(&self.targets);
        let memory = targets.entry(target.clone()).or_default();
        if memory.asked.is_some() {
            return None;
        }
        let known = concerned.iter().filter_map(|on_target| Some((routes.get(&on_target.route)?, on_target)));
        let last = last_look(target, known, &settings_digest(&self.setup.settings))?;
        let now = Instant::now().into_std();
        if memory.schedule.synced() != Some(last) {
            let period = self.setup.args.drift_interval;
            memory.schedule.resume(last, Timestamp::now(), now, period, rand::random());
        }
        let due = memory.schedule.due().filter(|_| memory.schedule.rests(now))?;
        Some(due.saturating_duration_since(now))
    }

    /// The time of the look that the target's drift period counts from.
    pub(super) fn synced(&self, target: &FunctionTarget) -> Option<Timestamp> {
        lock(&self.targets).get(target)?.schedule.synced()
    }

    /// How long until the target is due again.
    pub(super) fn until_due(&self, target: &FunctionTarget) -> Option<Duration> {
        let due = lock(&self.targets).get(target)?.schedule.due()?;
        Some(due.saturating_duration_since(Instant::now().into_std()))
    }

    /// Whether all would be as it should be if AWS were as it was last seen: what a look finds then is drift.
    pub(super) fn steady(&self, target: &FunctionTarget, routes: &Routes, concerned: &[RouteOnTarget]) -> bool {
        let settings = &self.setup.settings;
        let targets = lock(&self.targets);
        let Some(memory) = targets.get(target) else { return false };
        if let Some(looked) = &memory.looked {
            return plan(target, concerned, &looked.observed, settings).is_settled(&looked.observed);
        }
        let known = concerned.iter().filter_map(|on_target| Some((routes.get(&on_target.route)?, on_target)));
        memory.asked.is_none() && last_look(target, known, &settings_digest(settings)).is_some()
    }

    pub(super) fn found(&self, target: &FunctionTarget, drift: Vec<Drift>) {
        for kind in &drift {
            tracing::warn!(%target, kind = kind.as_str(), "AWS isn't as it was left");
            self.setup.metrics.drift_found(*kind);
        }
        if let Some(memory) = lock(&self.targets).get_mut(target) {
            memory.drift = drift;
        }
    }

    /// `left` is what is still to be done.
    pub(super) fn repaired(&self, target: &FunctionTarget, left: &[Drift]) {
        let repaired = {
            let mut targets = lock(&self.targets);
            let Some(memory) = targets.get_mut(target) else { return };
            let (repaired, outstanding) = repaired(std::mem::take(&mut memory.drift), left);
            memory.drift = outstanding;
            repaired
        };
        for kind in repaired {
            self.setup.metrics.drift_repaired(kind);
        }
    }

    pub(super) fn keep(&self, target: &FunctionTarget, looked: Option<Looked>) {
        if let Some(memory) = lock(&self.targets).get_mut(target) {
            memory.looked = looked;
        }
    }

    /// What of these writes somebody else keeps undoing, and isn't made for now; and whether they repair what somebody else did.
    pub(super) fn contested(
        &self,
        target: &FunctionTarget,
        routes: &[RouteOnTarget],
        steps: &[Step],
        settled: bool,
    ) -> (Option<Held>, bool) {
        let now = Instant::now().into_std();
        let (held, repairs) = {
            let mut targets = lock(&self.targets);
            let Some(memory) = targets.get_mut(target) else { return (None, false) };
            let held = memory.contest.judge(routes, steps, settled, now);
            (held, memory.contest.repairs())
        };
        if let Some(held) = &held {
            tracing::warn!(%target, what = held.what.len(), "somebody else keeps changing back what is written");
        }
        (held, repairs)
    }

    /// Writes that were made.
    pub(super) fn written(&self, target: &FunctionTarget, steps: &[Step]) {
        if let Some(memory) = lock(&self.targets).get_mut(target) {
            memory.contest.written(steps, Instant::now().into_std());
        }
    }

    /// The next reconcile looks at AWS again.
    pub(super) fn forget_look(&self, target: &FunctionTarget) {
        self.keep(target, None);
    }

    /// Nothing counts as released any more that is in use again.
    pub(super) fn hold_back(&self, target: &FunctionTarget, concerned: &[RouteOnTarget]) {
        let releasing: BTreeSet<RouteKey> = concerned
            .iter()
            .filter(|route| route.intent == Intent::Releases)
            .map(|route| route.route.clone())
            .collect();
        let mut targets = lock(&self.targets);
        let Some(view) = targets.get_mut(target).and_then(|memory| memory.view.as_mut()) else { return };
        if !view.released.is_subset(&releasing) {
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
