//! What the last reconcile of a target found, for the routes on it. Values only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lambdaroute_crds::Ownership;

use crate::aws::AwsError;
use crate::contest::Contested;
use crate::demand::Demand;
use crate::observation::{FunctionState, Observation, UrlConfig};
use crate::observe::Aspect;
use crate::plan::{Intent, Plan, RouteOnTarget, TooLarge, UrlFinding};
use crate::policy::Grant;
use crate::sid::ClusterId;
use crate::step::RouteKey;

/// A call that failed, and the condition that it shows in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it was about.
    pub aspect: Aspect,
    /// What AWS said.
    pub error: AwsError,
}

/// A target after its last reconcile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// The last complete look; none before the first.
    pub observed_at: Option<Timestamp>,
    /// The look that the drift period counts from: at most once in it, this changes.
    pub synced_at: Option<Timestamp>,
    /// Whether there is a function; none before the first look.
    pub function: Option<FunctionState>,
    /// Its URL config.
    pub url: Option<UrlConfig>,
    /// Whose that is.
    pub ownership: Option<Ownership>,
    /// Whether it is as the routes want it.
    pub finding: UrlFinding,
    /// Nothing is left to be written.
    pub settled: bool,
    /// Routes whose manifest isn't carried out, since others disagree.
    pub conflicted: BTreeSet<RouteKey>,
    /// Routes for which nothing of ours is there any more.
    pub released: BTreeSet<RouteKey>,
    /// What calls need and nobody's statement gives, where the policy isn't ours to write.
    pub missing: BTreeSet<Grant>,
    /// What is to be written doesn't fit into the policy.
    pub too_large: Option<TooLarge>,
    /// What somebody else keeps changing back, and isn't repaired for now.
    pub contested: BTreeSet<Contested>,
    /// Clusters whose statements keep a URL config of ours there.
    pub in_use_by: BTreeSet<ClusterId>,
    /// The manifests that it was found under, by their generations: it says nothing of others.
    pub planned: BTreeMap<RouteKey, Option<i64>>,
    /// Why the last reconcile didn't come to its end.
    pub failure: Option<Failure>,
    /// Writes that failed by themselves, by the routes that they were for.
    pub failures: BTreeMap<RouteKey, Failure>,
    /// Routes for which all is as it should be, though something is left to be written for others.
    pub spared: BTreeSet<RouteKey>,
}

impl TargetView {
    /// After a reconcile that came to its end, or to `failure`. `plan` is what is still to be done, of which `unfinished` wait.
    pub fn new(
        observed_at: Timestamp,
        observed: &Observation,
        plan: Plan,
        unfinished: &BTreeSet<RouteKey>,
        routes: &[RouteOnTarget],
        failure: Option<Failure>,
        failures: BTreeMap<RouteKey, Failure>,
    ) -> Self {
        let Plan { steps, ownership, url, conflicted, missing, too_large, left_out: _, in_use_by } = plan;
        let settled = steps.is_empty() && failure.is_none() && failures.is_empty() && too_large.is_none();
        let finished = routes.iter().filter(|route| !unfinished.contains(&route.route));
        let (released, spared): (Vec<_>, Vec<_>) = finished.partition(|route| route.intent == Intent::Releases);
        let keys = |routes: Vec<&RouteOnTarget>| routes.into_iter().map(|route| route.route.clone()).collect();
        Self {
            observed_at: Some(observed_at),
            synced_at: None,
            function: Some(observed.function),
            url: observed.url.clone(),
            ownership,
            finding: url,
            settled,
            conflicted,
            released: keys(released),
            missing,
            too_large,
            contested: BTreeSet::new(),
            in_use_by,
            planned: BTreeMap::new(),
            failure,
            failures,
            spared: if settled { BTreeSet::new() } else { keys(spared) },
        }
    }

    /// After a reconcile that couldn't look: what was known before, and why it isn't known better.
    pub fn failed(before: Option<&TargetView>, failure: Failure) -> Self {
        let mut view = before.cloned().unwrap_or(Self {
            observed_at: None,
            synced_at: None,
            function: None,
            url: None,
            ownership: None,
            finding: UrlFinding::Due,
            settled: false,
            conflicted: BTreeSet::new(),
            released: BTreeSet::new(),
            missing: BTreeSet::new(),
            too_large: None,
            contested: BTreeSet::new(),
            in_use_by: BTreeSet::new(),
            planned: BTreeMap::new(),
            failure: None,
            failures: BTreeMap::new(),
            spared: BTreeSet::new(),
        });
        view.settled = false;
        view.failures = BTreeMap::new();
        view.spared = BTreeSet::new();
        view.failure = Some(failure);
        view
    }

    /// Whether nothing is left to be written for a route. What others ask for is no matter of its own.
    pub fn settled_for(&self, route: &RouteKey) -> bool {
        self.settled || self.spared.contains(route)
    }

    /// Why something isn't done that a route waits for.
    pub fn failure_for(&self, route: &RouteKey) -> Option<&Failure> {
        if self.spared.contains(route) || self.released.contains(route) {
            return None;
        }
        self.failures.get(route).or(self.failure.as_ref())
    }

    /// Whether the function URL is as demanded, as last observed, and a call of it may be let through.
    pub fn serves(&self, route: &RouteKey, demand: &Demand) -> bool {
        self.settled_for(route)
            && self.finding == UrlFinding::Agrees
            && self
                .url
                .as_ref()
                .is_some_and(|url| demand.admits(&url.settings) && !demand.evaded_by(url.settings.auth_type))
    }
}
