//! One target: observe → plan → apply. What was found is published for the routes on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;
use lambdaroute_crds::{LambdaRoute, Target, TargetState};
use tokio::time::Instant;

use super::worker::Outcome;
use super::{Key, Looked, Reconciler, lock, name_of};
use crate::apply::{apply, aspect};
use crate::assess::{ServiceClaim, assess};
use crate::aws::{AwsError, ErrorKind};
use crate::events::{self, Notice};
use crate::intent::{self, recorded};
use crate::kubernetes::KubeError;
use crate::observation::FunctionState;
use crate::observe::{Aspect, observe};
use crate::plan::{Intent, RouteOnTarget, plan};
use crate::step::{RouteKey, Step};
use crate::target::FunctionTarget;
use crate::view::{Failure, TargetView};

/// A look that is older isn't enough to change or delete a URL config on.
const FRESH: Duration = Duration::from_secs(2);
/// A missing function is looked for at least so often.
const MISSING: Duration = Duration::from_secs(120);
const LONGEST: Duration = Duration::from_secs(300);

type Routes = BTreeMap<RouteKey, LambdaRoute>;

enum Stopped {
    Aws(Failure),
    Kube(KubeError),
}

impl Reconciler {
    pub(super) async fn reconcile_target(&self, target: &FunctionTarget) -> Outcome {
        let mut routes = self.routes_on(target);
        let concerned = self.on_target(target, &routes);
        if concerned.is_empty() {
            lock(&self.targets).remove(target);
            return Outcome::Done(None);
        }
        let Some(defaults) = self.installation().defaults else { return Outcome::Done(None) };
        if concerned.iter().all(|route| matches!(route.intent, Intent::Keeps { repair: false, .. })) {
            return Outcome::Done(None);
        }
        if (&target.account_id, &target.partition) != (&defaults.account_id, &defaults.partition) {
            let failure = Failure { aspect: Aspect::FunctionUrl, error: AwsError::other_account(&defaults.account_id) };
            return self.fail(target, &concerned, failure);
        }
        let releasing: BTreeSet<RouteKey> = concerned
            .iter()
            .filter(|route| route.intent == Intent::Releases)
            .map(|route| route.route.clone())
            .collect();
        self.hold_back(target, &releasing);

        let mut looked = match self.look(target, None).await {
            Ok(looked) => looked,
            Err(failure) => return self.fail(target, &concerned, failure),
        };
        let mut planned = plan(target, &concerned, &looked.observed, &self.setup.settings);
        if planned.steps.iter().any(Step::needs_fresh_look) && looked.at.elapsed() > FRESH {
            looked = match self.look(target, Some(FRESH)).await {
                Ok(looked) => looked,
                Err(failure) => return self.fail(target, &concerned, failure),
            };
            planned = plan(target, &concerned, &looked.observed, &self.setup.settings);
        }
        let in_use_by = planned.in_use_by.clone();
        let stopped = self.carry_out(target, planned.steps, &mut looked, &mut routes, &concerned).await;
        let concerned = self.on_target(target, &routes);
        let left = plan(target, &concerned, &looked.observed, &self.setup.settings);
        let failure = match &stopped {
            Some(Stopped::Aws(failure)) => Some(failure.clone()),
            _ => None,
        };
        let (time, function, settled) = (looked.time, looked.observed.function, left.steps.is_empty());
        let mut view = TargetView::new(time, &looked.observed, left, releasing, failure);
        view.in_use_by = in_use_by;
        let known = settled && function == FunctionState::Exists;
        let known = known || matches!(stopped, Some(Stopped::Kube(_)));
        self.keep(target, known.then_some(looked).filter(|_| !matches!(stopped, Some(Stopped::Aws(_)))));
        self.publish(target, view);
        match stopped {
            Some(Stopped::Aws(failure)) => again(&failure.error),
            Some(Stopped::Kube(error)) => {
                tracing::info!(%target, %error, "a route changed meanwhile; looking again");
                Outcome::retry("kubernetes")
            }
            None if function != FunctionState::Exists => {
                Outcome::Again { least: Duration::ZERO, longest: MISSING, why: "function_missing" }
            }
            None if !settled => Outcome::retry("unsettled"),
            None => Outcome::Done(Some(self.refresh())),
        }
    }

    fn routes_on(&self, target: &FunctionTarget) -> Routes {
        let names = lock(&self.index).routes(target);
        names.iter().filter_map(|name| self.route(name)).map(|route| (intent::key(&route), (*route).clone())).collect()
    }

    fn on_target(&self, target: &FunctionTarget, routes: &Routes) -> Vec<RouteOnTarget> {
        let installation = self.installation();
        let on_target = |route: &LambdaRoute| {
            let live = self.live_service(route);
            let pin = live.as_ref().and_then(|live| live.annotations().get(crate::service::TARGET)).cloned();
            let claim = match (&live, lock(&self.memory).get(&name_of(route))) {
                (Some(_), _) => ServiceClaim::Ours,
                (None, Some(memory)) if memory.claim == ServiceClaim::Taken => ServiceClaim::Taken,
                (None, _) => ServiceClaim::Unknown,
            };
            let assessment = assess(route, &installation, pin.as_deref()).with_claim(route, claim);
            let served = Self::served(route, live.as_ref());
            intent::on_target(route, target, &assessment, claim, served.as_ref())
        };
        routes.values().filter_map(on_target).collect()
    }

    /// What is known of the target, or what AWS says now.
    async fn look(&self, target: &FunctionTarget, oldest: Option<Duration>) -> Result<Looked, Failure> {
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
        match observe(&self.setup.aws, target).await {
            Ok(observed) => Ok(Looked { observed, at: Instant::now(), time: Timestamp::now() }),
            Err((aspect, error)) => Err(Failure { aspect, error: error.about(&target.arn()) }),
        }
    }

    fn keep(&self, target: &FunctionTarget, looked: Option<Looked>) {
        if let Some(memory) = lock(&self.targets).get_mut(target) {
            memory.looked = looked;
        }
    }

    /// Nothing counts as released any more that is in use again.
    fn hold_back(&self, target: &FunctionTarget, releasing: &BTreeSet<RouteKey>) {
        let mut targets = lock(&self.targets);
        let Some(view) = targets.get_mut(target).and_then(|memory| memory.view.as_mut()) else { return };
        if !view.released.is_subset(releasing) {
            Arc::make_mut(view).released.retain(|route| releasing.contains(route));
        }
    }

    /// Lets the routes know what was found.
    fn publish(&self, target: &FunctionTarget, view: TargetView) {
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

    fn fail(&self, target: &FunctionTarget, concerned: &[RouteOnTarget], failure: Failure) -> Outcome {
        tracing::warn!(%target, routes = concerned.len(), error = %failure.error, "AWS can't be looked at");
        let outcome = again(&failure.error);
        let before = self.view(target);
        self.publish(target, TargetView::failed(before.as_deref(), failure));
        outcome
    }

    /// One step after another, until one fails.
    async fn carry_out(
        &self,
        target: &FunctionTarget,
        steps: Vec<Step>,
        looked: &mut Looked,
        routes: &mut Routes,
        concerned: &[RouteOnTarget],
    ) -> Option<Stopped> {
        if steps.is_empty() {
            return None;
        }
        let writes = self.locks.of(target);
        let _one_by_one = writes.lock().await;
        for step in steps {
            tracing::info!("{step}");
            if let Err(error) = self.prepare(&step, routes).await {
                return Some(Stopped::Kube(error));
            }
            match apply(&self.setup.aws, &step, &looked.observed, self.leadership.deadline()).await {
                Ok(written) => {
                    let notice = events::done(&step, &written);
                    looked.observed.fold(written);
                    if let Some(notice) = notice {
                        self.tell(&notice, routes, concerned).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, %step, "a write in AWS failed");
                    let error = error.about(&target.arn());
                    return Some(Stopped::Aws(Failure { aspect: aspect(&step), error }));
                }
            }
        }
        None
    }

    /// The steps of a target's plan that are writes in Kubernetes.
    async fn prepare(&self, step: &Step, routes: &mut Routes) -> Result<(), KubeError> {
        let written = match step {
            Step::AddFinalizer { route } => match routes.get(route) {
                Some(known) => self.setup.kubernetes.add_finalizer(known).await?,
                None => return Ok(()),
            },
            Step::RecordTarget { route, target } => match routes.get(route) {
                Some(known) => {
                    let targets = with_active(recorded(known), target);
                    self.setup.kubernetes.set_targets(known, &targets).await?
                }
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        routes.insert(intent::key(&written), written);
        Ok(())
    }

    async fn tell(&self, notice: &Notice, routes: &Routes, concerned: &[RouteOnTarget]) {
        for RouteOnTarget { route, intent, recorded: _ } in concerned {
            if let (Intent::Wants { .. } | Intent::Releases, Some(route)) = (intent, routes.get(route)) {
                self.setup.kubernetes.tell(route, notice).await;
            }
        }
    }
}

/// `status.targets` with this one in use.
pub(super) fn with_active(targets: &[Target], target: &FunctionTarget) -> Vec<Target> {
    let arn = target.arn();
    let mut targets = targets.to_vec();
    match targets.iter_mut().find(|known| known.function_arn == arn) {
        Some(known) => known.state = TargetState::Active,
        None => targets.push(Target {
            function_arn: arn,
            function_url: None,
            state: TargetState::Active,
            created_at: None,
            ownership: None,
            last_sync_time: None,
        }),
    }
    targets
}

/// When to try again after AWS's answer.
fn again(error: &AwsError) -> Outcome {
    let (least, why) = match &error.kind {
        ErrorKind::Throttled { retry_after } => (retry_after.unwrap_or(Duration::from_secs(1)), "throttled"),
        ErrorKind::InvalidPrincipal => (Duration::from_secs(2), "invalid_principal"),
        ErrorKind::AccessDenied(_) | ErrorKind::Credentials => (Duration::from_secs(1), "access_denied"),
        ErrorKind::Conflict | ErrorKind::PreconditionFailed | ErrorKind::NotFound => (Duration::ZERO, "conflict"),
        ErrorKind::PolicyTooLarge => (Duration::from_secs(30), "policy_too_large"),
        ErrorKind::Unreachable | ErrorKind::NotLeading => (Duration::ZERO, "unreachable"),
        ErrorKind::Other => (Duration::from_secs(1), "other"),
    };
    Outcome::Again { least, longest: LONGEST, why }
}
