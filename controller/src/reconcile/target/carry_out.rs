//! Carries a target's plan out, one step after another.

use lambdaroute_crds::LambdaRoute;

use super::{Carried, Routes, Stopped, with_active};
use crate::apply::{apply, aspect};
use crate::events::{self, Notice};
use crate::intent::{self, recorded};
use crate::kubernetes::KubeError;
use crate::observation::{Applied, Written};
use crate::plan::{Failed, Intent, RouteOnTarget};
use crate::priority::Priority;
use crate::reconcile::{Looked, Reconciler};
use crate::step::Step;
use crate::target::FunctionTarget;
use crate::view::Failure;

/// How often a route that changes meanwhile is read again before its target waits.
const PREPARE_TRIES: usize = 3;

impl Reconciler {
    /// One step after another. One that fails for a reason of its own stops those that wait for it, any other failure the rest.
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
        let mut done = Vec::new();
        let mut failed = Failed::none(target, concerned, &self.setup.settings);
        let stopped = self.write((target, priority), steps, looked, routes, &mut done, &mut failed).await;
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

    async fn write(
        &self,
        (target, priority): (&FunctionTarget, Priority),
        steps: Vec<Step>,
        looked: &mut Looked,
        routes: &mut Routes,
        done: &mut Vec<(Step, Applied)>,
        failed: &mut Failed<'_>,
    ) -> Option<Stopped> {
        let writes = self.locks.of(target);
        let _one_by_one = writes.lock().await;
        // What a drift check finds is broken for callers.
        let priority = if priority == Priority::Drift { Priority::Change } else { priority };
        let lambda = self.setup.aws.lambda(target, priority);
        for step in steps {
            if failed.holds_back(&step, &looked.observed) {
                tracing::info!("not now, since what it waits for failed: {step}");
                continue;
            }
            tracing::info!("{step}");
            if let Err(error) = self.prepare(&step, routes).await {
                return Some(Stopped::Kube(error));
            }
            match apply(&lambda, &step, &looked.observed, self.leadership.deadline()).await {
                Ok(applied) => {
                    if applied.written != Written::Nothing {
                        // It goes on: failures before this are over.
                        self.queue.targets.forget(target);
                    }
                    looked.observed.fold(applied.written.clone());
                    done.push((step, applied));
                }
                Err(error) => {
                    tracing::warn!(%error, %step, "a write in AWS failed");
                    let error = match &step {
                        Step::AddPermission { whose, .. } => error.granting(whose).about(&target.arn()),
                        _ => error.about(&target.arn()),
                    };
                    let failure = Failure { aspect: aspect(&step), error };
                    if !failure.error.is_of_one_write() {
                        return Some(Stopped::Aws(failure));
                    }
                    failed.add(step, failure);
                }
            }
        }
        None
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
