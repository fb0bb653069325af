//! One target: observe → plan → apply. What was found is published for the routes on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube::ResourceExt;
use lambdaroute_crds::{LambdaRoute, Permission, Target, TargetState};
use tokio::time::Instant;

use super::worker::Outcome;
use super::{Reconciler, lock, name_of};
use crate::assess::{ServiceClaim, assess};
use crate::aws::AwsError;
use crate::contest::Contested;
use crate::drift::Drift;
use crate::intent;
use crate::kubernetes::KubeError;
use crate::observation::FunctionState;
use crate::observe::Aspect;
use crate::plan::{Intent, RouteOnTarget, UrlFinding, plan};
use crate::priority::Priority;
use crate::step::{RouteKey, Step};
use crate::target::FunctionTarget;
use crate::view::{Failure, TargetView};
use crate::writes::Stopped;

/// When a missing function is looked for again at first.
const MISSING_AT_FIRST: Duration = Duration::from_millis(500);
/// A missing function is looked for at least so often.
const MISSING: Duration = Duration::from_secs(120);
/// When a policy without room is looked at again at first.
const TOO_LARGE: Duration = Duration::from_secs(30);

mod carry_out;
mod memory;
mod patience;

pub(super) use patience::SOON;
use patience::{LONGEST, again};

type Routes = BTreeMap<RouteKey, LambdaRoute>;

/// How a plan was carried out.
#[derive(Default)]
struct Carried {
    done: Vec<Step>,
    /// Of single writes, by the routes that they were for.
    failures: BTreeMap<RouteKey, Failure>,
    /// Why the rest wasn't tried.
    stopped: Option<Stopped<KubeError>>,
}

impl Reconciler {
    pub(super) async fn reconcile_target(&self, target: &FunctionTarget, priority: Priority) -> Outcome {
        let outcome = self.bring_about(target, priority).await;
        let again = matches!(outcome, Outcome::Again { .. });
        if again && self.blocks_a_namespace(target) { patience::urgent(outcome) } else { outcome }
    }

    async fn bring_about(&self, target: &FunctionTarget, priority: Priority) -> Outcome {
        // Looked up first: once the account is known, the routes on a target are.
        let defaults = self.installation().defaults;
        let mut routes = self.routes_on(target);
        let mut concerned = self.on_target(target, &routes);
        if concerned.is_empty() {
            lock(&self.targets).remove(target);
            return Outcome::Done(None);
        }
        let Some(defaults) = defaults else { return Outcome::Done(None) };
        if concerned.iter().all(|route| matches!(route.intent, Intent::Keeps { repair: false, .. })) {
            return Outcome::Done(None);
        }
        if !defaults.is_account_of(target) {
            let failure = Failure { aspect: Aspect::FunctionUrl, error: AwsError::other_account(&defaults.account_id) };
            return self.fail(target, &concerned, failure);
        }
        if let Some(wait) = self.rests(target, &routes, &concerned) {
            return Outcome::Done(Some(wait));
        }
        self.hold_back(target, &concerned);

        let begun = Instant::now();
        let mut steady = self.steady(target, &routes, &concerned);
        let mut looked = match self.look(target, None, priority).await {
            Ok(looked) => looked,
            Err(failure) => return self.fail(target, &concerned, failure),
        };
        if looked.at >= begun {
            steady &= !self.catch_up(target, &mut routes, &mut concerned);
        }
        let mut planned = plan(target, &concerned, &looked.observed, &self.setup.settings);
        // Nothing guards a change or deletion of a URL config in AWS: what others did since is seen, also what they did a moment
        // ago. A look of this very reconcile is young enough, so that a drift check isn't made twice.
        let oldest = begun.elapsed();
        if planned.steps.iter().any(Step::needs_fresh_look) && looked.at.elapsed() > oldest {
            looked = match self.look(target, Some(oldest), priority).await {
                Ok(looked) => looked,
                Err(failure) => return self.fail(target, &concerned, failure),
            };
            steady &= !self.catch_up(target, &mut routes, &mut concerned);
            planned = plan(target, &concerned, &looked.observed, &self.setup.settings);
        }
        if steady {
            self.found(target, Drift::of_all(&planned.steps));
        }
        let in_use_by = planned.in_use_by.clone();
        let settled = steady || planned.is_settled(&looked.observed);
        let (held, repairs) = self.contested(target, &concerned, &planned.steps, settled);
        if let Some(held) = &held {
            planned.steps.retain(|step| !Contested::of(step).is_some_and(|what| held.what.contains(&what)));
        }
        let Carried { done, failures, stopped } =
            self.carry_out(target, priority, (planned.steps, repairs), &mut looked, &mut routes, &concerned).await;
        if stopped.is_none() {
            self.written(target, &done);
        }
        let concerned = self.on_target(target, &routes);
        let left = plan(target, &concerned, &looked.observed, &self.setup.settings);
        self.repaired(target, &Drift::of_all(&left.steps));
        let failure = match &stopped {
            Some(Stopped::Aws(failure)) => Some(failure.clone()),
            _ => None,
        };
        let (time, function, settled) = (looked.time, looked.observed.function, left.steps.is_empty());
        // Others are to make it.
        let waits = left.url == UrlFinding::Missing || !left.missing.is_empty();
        let too_large = left.too_large.is_some();
        let unfinished = left.unfinished(&concerned, &self.setup.settings);
        let failed = failures.values().next().map(|failure| failure.error.clone());
        let mut view = TargetView::new(time, &looked.observed, left, &unfinished, &concerned, failure, failures);
        view.in_use_by = in_use_by;
        view.contested = held.iter().flat_map(|held| held.what.clone()).collect();
        view.planned = routes.iter().map(|(key, route)| (key.clone(), route.metadata.generation)).collect();
        view.synced_at = self.synced(target);
        // After a failed call nobody knows what is there. Whatever else is left to be done, a route that came meanwhile or changed,
        // is done on what was seen.
        let known = function == FunctionState::Exists && !matches!(stopped, Some(Stopped::Aws(_))) && failed.is_none();
        self.keep(target, known.then_some(looked));
        self.publish(target, view);
        if let (None, Some(error)) = (&stopped, &failed) {
            return again(error);
        }
        match stopped {
            Some(Stopped::Aws(failure)) => again(&failure.error),
            Some(Stopped::Kubernetes(error)) => {
                tracing::info!(%target, %error, "a route changed meanwhile; looking again");
                Outcome::retry("kubernetes")
            }
            None if function != FunctionState::Exists => {
                Outcome::Again { first: MISSING_AT_FIRST, longest: MISSING, why: "function_missing" }
            }
            None if held.is_some() => {
                self.forget_look(target);
                let pause = held.map(|held| held.until.saturating_duration_since(Instant::now().into_std()));
                Outcome::Done(pause)
            }
            None if too_large => {
                self.forget_look(target);
                Outcome::Again { first: TOO_LARGE, longest: LONGEST, why: "policy_too_large" }
            }
            None if !settled => Outcome::retry("unsettled"),
            None if waits => {
                self.forget_look(target);
                Outcome::Again { first: MISSING_AT_FIRST, longest: MISSING, why: "waits_for_others" }
            }
            None => Outcome::Done(self.until_due(target)),
        }
    }

    fn routes_on(&self, target: &FunctionTarget) -> Routes {
        let names = lock(&self.index).routes(target);
        names.iter().filter_map(|name| self.route(name)).map(|route| (intent::key(&route), (*route).clone())).collect()
    }

    /// Whether a route on it keeps a namespace from going.
    fn blocks_a_namespace(&self, target: &FunctionTarget) -> bool {
        self.routes_on(target).values().any(|route| intent::deleting(route) && self.namespace_goes(route))
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
            let served = self.served(route, live.as_ref());
            intent::on_target(route, target, &assessment, claim, served.as_ref())
        };
        routes.values().filter_map(on_target).collect()
    }

    /// Looks at the routes again: a look takes its time where AWS is asked for much, and what they say after it counts. Whether
    /// they mean anything else now.
    fn catch_up(&self, target: &FunctionTarget, routes: &mut Routes, concerned: &mut Vec<RouteOnTarget>) -> bool {
        *routes = self.routes_on(target);
        let now = self.on_target(target, routes);
        self.hold_back(target, &now);
        let changed = now != *concerned;
        *concerned = now;
        changed
    }

    fn fail(&self, target: &FunctionTarget, concerned: &[RouteOnTarget], failure: Failure) -> Outcome {
        tracing::warn!(%target, routes = concerned.len(), error = %failure.error, "AWS can't be looked at");
        let outcome = again(&failure.error);
        let before = self.view(target);
        self.publish(target, TargetView::failed(before.as_deref(), failure));
        outcome
    }
}

/// `status.targets` with this one in use, and these permissions besides those that it makes use of already.
pub(super) fn with_active(
    targets: &[Target],
    target: &FunctionTarget,
    permissions: &BTreeSet<Permission>,
) -> Vec<Target> {
    let arn = target.arn();
    let mut targets = targets.to_vec();
    match targets.iter_mut().find(|known| known.function_arn == arn) {
        Some(known) => {
            known.state = TargetState::Active;
            let used: BTreeSet<Permission> = known.permissions.iter().chain(permissions).copied().collect();
            known.permissions = used.into_iter().collect();
        }
        None => targets.push(Target {
            function_arn: arn,
            function_url: None,
            state: TargetState::Active,
            created_at: None,
            ownership: None,
            last_sync_time: None,
            settings_digest: None,
            permissions: permissions.iter().copied().collect(),
        }),
    }
    targets
}
