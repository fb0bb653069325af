//! What is to be written in AWS for one function target, given the routes on it and what was observed. Pure. It never names a
//! Sid of another cluster or target, and never changes or deletes a URL config that nothing proves to be ours.

use std::collections::BTreeSet;

use lambdaroute_crds::{Ownership, Permission};

use crate::demand::Demand;
use crate::observation::{FunctionState, Observation, UrlConfig, UrlSettings};
use crate::policy::Grant;
use crate::principal::ProxyPrincipal;
use crate::sid::{ClusterId, Mark};
use crate::step::{RouteKey, Step};
use crate::target::FunctionTarget;

mod agreement;
mod concern;
mod failed;
mod ours;
mod room;
mod settled;
mod statements;
mod take_back;

use agreement::Agreement;
use ours::is_ours;
use statements::Changes;

pub use failed::Failed;

/// What holds for all targets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose Sids are ours.
    pub cluster: ClusterId,
    /// Who is granted the pair, always.
    pub principal: ProxyPrincipal,
}

/// What one route means for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOnTarget {
    /// Which route.
    pub route: RouteKey,
    /// What it means for the target.
    pub intent: Intent,
    /// What its status says of the target.
    pub recorded: Option<Recorded>,
}

/// What a route's `status.targets` says: where somebody removed our mark, it proves that we made the URL config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// As AWS gave it.
    pub created_at: Option<String>,
    /// Whose it was then.
    pub ownership: Option<Ownership>,
    /// What of a LambdaAccessPolicy's permissions the route makes use of there.
    pub permissions: BTreeSet<Permission>,
}

/// What a route wants of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// The accepted manifest names it.
    Wants {
        /// As the manifest says.
        demand: Demand,
        /// What is carried out for what proxies serve now.
        programmed: Option<Demand>,
        /// The finalizer is on it.
        finalizer: bool,
    },
    /// No new manifest is carried out, but what is programmed stays.
    Keeps {
        /// What is carried out for what proxies serve now.
        programmed: Option<Demand>,
        /// Whether what it needs is written again when it is lost: not for a suspended route.
        repair: bool,
    },
    /// What we made for it is to be taken back.
    Releases,
}

/// What the plan found of the URL config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlFinding {
    /// As wanted, or nobody wants anything.
    Agrees,
    /// It is to be written.
    Due,
    /// Not ours to write, and other than the manifest.
    Differs(Vec<String>),
    /// There is none, and it isn't ours to make.
    Missing,
}

/// A policy that would be over AWS's limit, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// What it has now.
    pub bytes: usize,
    /// What it would have.
    pub needed: usize,
}

/// The plan of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// Whose the observed URL config is.
    pub ownership: Option<Ownership>,
    /// Whether the URL config is as it should be.
    pub url: UrlFinding,
    /// Routes that disagree with what goes on.
    pub conflicted: BTreeSet<RouteKey>,
    /// What calls need and nobody's statement gives, where the policy isn't ours to write.
    pub missing: BTreeSet<Grant>,
    /// What is to be written doesn't fit into the policy.
    pub too_large: Option<TooLarge>,
    /// What isn't written for that reason.
    pub left_out: Vec<Step>,
    /// A URL config of ours is left, since other clusters' statements are there: these.
    pub in_use_by: BTreeSet<ClusterId>,
}

/// Plans one target.
pub fn plan(target: &FunctionTarget, routes: &[RouteOnTarget], observed: &Observation, settings: &Settings) -> Plan {
    let ours = observed.url.as_ref().is_some_and(|url| is_ours(target, url, routes, observed, settings));
    let agreement = agreement::agree(routes, observed.url.as_ref().map(|url| &url.settings));
    let mut plan = Plan {
        steps: Vec::new(),
        ownership: observed.url.as_ref().map(|_| ownership(&agreement, ours)),
        url: UrlFinding::Agrees,
        conflicted: agreement.conflicted.clone(),
        missing: BTreeSet::new(),
        too_large: None,
        left_out: Vec::new(),
        in_use_by: BTreeSet::new(),
    };
    if observed.function != FunctionState::Exists {
        return plan;
    }
    if !agreement.needed {
        if routes.iter().any(|route| route.intent == Intent::Releases) {
            // What every route only observed, and what it says was so, isn't deleted with the last of them.
            let ours = ours && !routes.iter().all(observed_only);
            let (steps, in_use_by) = take_back::take_back(target, ours, observed, settings);
            (plan.steps, plan.in_use_by) = (steps, in_use_by);
        }
        return plan;
    }
    // A withdrawal waits for nobody: whoever else uses the target, in whatever way, keeps what is its own and no more.
    let withdrawn = if routes.iter().any(|route| route.intent == Intent::Releases) {
        statements::withdrawn(target, &agreement, observed, settings)
    } else {
        Vec::new()
    };
    let Some(wanted) = agreement.desired.clone() else {
        plan.steps = withdrawn;
        return plan;
    };
    let auth_type = wanted.auth_type;
    let writes = writes(target, wanted, &agreement, ours, withdrawn.clone(), observed, settings);
    plan.url = writes.finding.clone();
    if plan.url == UrlFinding::Agrees {
        plan.missing = statements::missing(target, &agreement, auth_type, observed, settings);
    }
    if !agreement.may_write() {
        plan.steps = withdrawn;
        return plan;
    }
    let steps = room::fit(target, observed, writes, &mut plan);
    if matches!(plan.url, UrlFinding::Agrees | UrlFinding::Due) && (plan.too_large.is_none() || !steps.is_empty()) {
        plan.steps = preparation(target, routes, &plan.conflicted);
    }
    plan.steps.extend(steps);
    plan
}

fn ownership(agreement: &Agreement<'_>, ours: bool) -> Ownership {
    if ours {
        Ownership::Created
    } else if agreement.adopts() {
        Ownership::Adopted
    } else if agreement.needed && agreement.observes() {
        Ownership::Observed
    } else {
        Ownership::Unproven
    }
}

fn observed_only(route: &RouteOnTarget) -> bool {
    route.recorded.as_ref().is_some_and(|recorded| recorded.ownership == Some(Ownership::Observed))
}

struct Writes {
    before: Vec<Step>,
    url: Option<Step>,
    after: Vec<Step>,
    removals: Vec<Step>,
    /// Of the removals, those of grants that nobody wants any more.
    unwanted: Vec<Step>,
    finding: UrlFinding,
}

/// The order of it: new statements, then the URL, then the statement that carries the mark of a created URL, then what is
/// wanted no more. So going public opens the policy first and the URL last; coming back closes the URL first.
fn writes(
    target: &FunctionTarget,
    wanted: UrlSettings,
    agreement: &Agreement<'_>,
    ours: bool,
    withdrawn: Vec<Step>,
    observed: &Observation,
    settings: &Settings,
) -> Writes {
    let auth_type = wanted.auth_type;
    let (url, finding) = url_step(target, wanted, agreement, ours, observed.url.as_ref());
    let creates = matches!(url, Some(Step::CreateFunctionUrlConfig { .. }));
    let mark = observed.url.as_ref().filter(|_| ours).and_then(|url| Mark::of(&url.creation_time));
    let changes = if agreement.manages_permissions() {
        statements::changes(target, agreement, auth_type, mark, creates, observed, settings)
    } else {
        Changes { stale: withdrawn.clone(), unwanted_grants: withdrawn, ..Changes::default() }
    };
    if let UrlFinding::Differs(_) | UrlFinding::Missing = finding {
        // Somebody else's URL, or none: nothing is added for it, but what no manifest wants any more is withdrawn.
        let unwanted = changes.unwanted_grants;
        return Writes {
            before: Vec::new(),
            url: None,
            after: Vec::new(),
            removals: unwanted.clone(),
            unwanted,
            finding,
        };
    }
    Writes {
        before: changes.before,
        url,
        after: changes.after,
        removals: changes.stale,
        unwanted: changes.unwanted_grants,
        finding,
    }
}

fn url_step(
    target: &FunctionTarget,
    wanted: UrlSettings,
    agreement: &Agreement<'_>,
    ours: bool,
    observed: Option<&UrlConfig>,
) -> (Option<Step>, UrlFinding) {
    let target = target.clone();
    match observed {
        None if agreement.manages_url() => {
            (Some(Step::CreateFunctionUrlConfig { target, settings: wanted }), UrlFinding::Due)
        }
        None => (None, UrlFinding::Missing),
        Some(url) if url.settings == wanted => (None, UrlFinding::Agrees),
        Some(_) if (ours && agreement.manages_url()) || agreement.adopts() => {
            (Some(Step::UpdateFunctionUrlConfig { target, settings: wanted }), UrlFinding::Due)
        }
        Some(url) => (None, UrlFinding::Differs(url.settings.differences(&wanted))),
    }
}

/// Finalizer, then `status.targets`, of every route that goes on and lacks them.
fn preparation(target: &FunctionTarget, routes: &[RouteOnTarget], conflicted: &BTreeSet<RouteKey>) -> Vec<Step> {
    let mut steps = Vec::new();
    for RouteOnTarget { route, intent, recorded } in routes {
        let Intent::Wants { demand, finalizer, .. } = intent else { continue };
        if conflicted.contains(route) {
            continue;
        }
        if !finalizer {
            steps.push(Step::AddFinalizer { route: route.clone() });
        }
        let permissions = demand.permissions_used();
        if recorded.as_ref().is_none_or(|recorded| !permissions.is_subset(&recorded.permissions)) {
            steps.push(Step::RecordTarget { route: route.clone(), target: target.clone(), permissions });
        }
    }
    steps
}

#[cfg(test)]
mod tests;
