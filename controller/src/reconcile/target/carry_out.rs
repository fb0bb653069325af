//! Carries a target's plan out, and tells the routes on it.

use lambdaroute_crds::LambdaRoute;
use tokio::time::Instant;

use super::{Carried, Routes, with_active};
use crate::events::{self, Notice};
use crate::intent::{self, recorded};
use crate::kubernetes::KubeError;
use crate::observation::{Applied, Written};
use crate::plan::{Failed, Intent, RouteOnTarget};
use crate::priority::Priority;
use crate::reconcile::{Looked, Reconciler};
use crate::step::Step;
use crate::target::FunctionTarget;
use crate::writes::{self, Writer};

/// How often a route that changes meanwhile is read again before its target waits.
const PREPARE_TRIES: usize = 3;

/// The writes of one reconcile.
struct Round<'a> {
    reconciler: &'a Reconciler,
    target: &'a FunctionTarget,
    routes: &'a mut Routes,
    done: Vec<(Step, Applied)>,
}

impl Writer for Round<'_> {
    type Error = KubeError;

    fn deadline(&self) -> Instant {
        self.reconciler.leadership.deadline()
    }

    async fn prepare(&mut self, step: &Step) -> Result<(), KubeError> {
        self.reconciler.prepare(step, self.routes).await
    }

    fn done(&mut self, step: Step, applied: Applied) {
        if applied.written != Written::Nothing {
            // It goes on: failures before this are over.
            self.reconciler.queue.targets.forget(self.target);
        }
        self.done.push((step, applied));
    }
}

impl Reconciler {
    /// `repairs`: no manifest has changed, somebody else has.
    pub(super) async fn carry_out(
        &self,
        target: &FunctionTarget,
        priority: Priority,
        (steps, repairs): (Vec<Step>, bool),
        looked: &mut Looked,
        routes: &mut Routes,
        concerned: &[RouteOnTarget],
    ) -> Carried {
        if steps.is_empty() {
            return Carried::default();
        }
        // What a drift check finds is broken for callers.
        let priority = if priority == Priority::Drift { Priority::Change } else { priority };
        let lambda = self.setup.aws.lambda(target, priority);
        let mut failed = Failed::none(target, concerned, &self.setup.settings);
        let mut round = Round { reconciler: self, target, routes, done: Vec::new() };
        let at = (&lambda, target, &self.locks);
        let stopped = writes::carry_out(at, steps, &mut looked.observed, &mut failed, &mut round).await;
        let Round { routes, done, .. } = round;
        let notices: Vec<Notice> = if repairs {
            events::drift_corrected(target, &done).into_iter().collect()
        } else {
            done.iter().filter_map(|(step, applied)| events::done(step, applied)).collect()
        };
        // Told at the end: between a URL config and its mark nothing may take time.
        for notice in &notices {
            self.tell(notice, routes, concerned).await;
        }
        Carried { done: done.into_iter().map(|(step, _)| step).collect(), failures: failed.told(), stopped }
    }

    /// The steps of a target's plan that are writes in Kubernetes.
    async fn prepare(&self, step: &Step, routes: &mut Routes) -> Result<(), KubeError> {
        let (Step::AddFinalizer { route } | Step::RecordTarget { route, .. }) = step else { return Ok(()) };
        let Some(mut known) = routes.get(route).cloned() else { return Ok(()) };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.prepare_one(step, &known).await {
                Ok(written) => {
                    routes.insert(intent::key(&written), written);
                    return Ok(());
                }
                // A status that was written meanwhile changes nothing of the plan; a new manifest does.
                Err(error) if error.is_stale() && tries < PREPARE_TRIES => {
                    match self.setup.kubernetes.again(&known).await? {
                        Some(fresh) => known = fresh,
                        None => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn prepare_one(&self, step: &Step, known: &LambdaRoute) -> Result<LambdaRoute, KubeError> {
        match step {
            Step::RecordTarget { target, permissions, .. } => {
                self.setup.kubernetes.set_targets(known, &with_active(recorded(known), target, permissions)).await
            }
            _ => self.setup.kubernetes.add_finalizer(known).await,
        }
    }

    async fn tell(&self, notice: &Notice, routes: &Routes, concerned: &[RouteOnTarget]) {
        for RouteOnTarget { route, intent, recorded: _ } in concerned {
            let told = matches!(intent, Intent::Wants { .. } | Intent::Releases | Intent::Keeps { repair: true, .. });
            if let Some(route) = routes.get(route).filter(|_| told) {
                self.setup.kubernetes.tell(route, notice).await;
            }
        }
    }
}
