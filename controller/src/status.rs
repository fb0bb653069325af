//! A LambdaRoute's status from what is known. Pure: the clock is an argument. Nothing in it changes on every retry.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use lambdaroute_crds::condition::{ConditionType, Reason};
use lambdaroute_crds::{FunctionUrlManagement, LambdaRoute, LambdaRouteStatus, Ownership, Permission, Target};

use crate::access::Resolution;
use crate::assess::{Assessment, ServiceClaim};
use crate::aws::AwsError;
use crate::intent::{deleting, key, recorded, suspended};
use crate::principal::ProxyPrincipal;
use crate::programmed::Programmed;
use crate::programming::{Identities, Programming};
use crate::service;
use crate::target::{FunctionTarget, display_name};
use crate::view::{Failure, TargetView};

mod aspects;
mod credentials;
mod failure;
mod judgement;
mod ready;
mod service_refused;

pub use failure::iam_statement;
pub use judgement::{Actor, Judgement, State};
pub use service_refused::service_refused;

/// The most bytes of a message: less than the API server's 32,768 characters, by far more than a person reads.
const LONGEST_MESSAGE: usize = 8192;

/// Everything that a status is made of.
pub struct Facts<'a> {
    /// The object as last read.
    pub route: &'a LambdaRoute,
    /// Its manifest, judged; a foreign Service is in it.
    pub assessment: &'a Assessment,
    /// Whose the Service is.
    pub claim: ServiceClaim,
    /// Its target after the last reconcile; none before the first.
    pub view: Option<&'a TargetView>,
    /// Why a target that it releases isn't released yet.
    pub release_failure: Option<&'a Failure>,
    /// Why the controller doesn't know its own account.
    pub identity_failure: Option<&'a AwsError>,
    /// What the route table was told.
    pub served: Option<&'a Programmed>,
    /// The port that belongs to it.
    pub port: Option<u16>,
    /// What its references came to.
    pub references: &'a Resolution,
    /// What the route table says; none if it was told nothing.
    pub programming: Option<Programming>,
    /// What proxies say of their credentials.
    pub identities: &'a Identities,
    /// Whom the statements name.
    pub principal: &'a ProxyPrincipal,
    /// `--cluster-domain`.
    pub cluster_domain: &'a str,
    /// The clock.
    pub now: Timestamp,
    /// The settings that the target's plan was made with: [`crate::rest::settings_digest`].
    pub settings_digest: &'a str,
    /// What asked for a look that has been since.
    pub handled_reconcile_at: Option<&'a str>,
}

/// The status that a route should have.
pub fn status(facts: &Facts<'_>) -> LambdaRouteStatus {
    let route = facts.route;
    let mut conditions = Vec::new();
    let mut aspects = Vec::new();
    for (type_, judgement) in aspects::judge(facts) {
        // What isn't known keeps its last word, as long as that was about this very manifest.
        let judgement = match judgement {
            Some(judgement) => judgement,
            None => match earlier(facts, type_) {
                Some(earlier) => {
                    aspects.push((type_, Judgement::of(earlier)));
                    conditions.push(earlier.clone());
                    continue;
                }
                None => Judgement::pending("not looked at yet"),
            },
        };
        conditions.push(condition(facts, type_, &judgement));
        aspects.push((type_, judgement));
    }
    let ready = ready::ready(facts, &aspects);
    let summary = Judgement { message: ready.summary(), ..ready.clone() };
    conditions.push(condition(facts, ConditionType::Ready, &summary));
    if let Some(type_) = ready::abnormal(facts, &ready) {
        let judgement = Judgement { state: State::True, ..summary };
        conditions.push(condition(facts, type_, &judgement));
    }
    let known_service = facts.claim == ServiceClaim::Ours;
    let before = route.status.clone().unwrap_or_default();
    LambdaRouteStatus {
        observed_generation: route.metadata.generation,
        url: if known_service { Some(url(route, facts.cluster_domain)) } else { before.url },
        function: route.spec.function.as_ref().and_then(display_name),
        targets: targets(facts),
        auth: Some(facts.served.map_or(&facts.assessment.access, |served| &served.access).summary()),
        programmed_digest: facts.served.map(|served| served.digest()),
        port: facts.port,
        last_handled_reconcile_at: facts
            .handled_reconcile_at
            .map(ToOwned::to_owned)
            .or(before.last_handled_reconcile_at),
        conditions,
    }
}

/// `http://name.namespace.svc.<cluster domain>`, with the port when it isn't 80.
pub fn url(route: &LambdaRoute, cluster_domain: &str) -> String {
    let host = format!("{}.{}.svc.{cluster_domain}", service::name(route), route.namespace().unwrap_or_default());
    match service::port(route) {
        80 => format!("http://{host}"),
        port => format!("http://{host}:{port}"),
    }
}

fn targets(facts: &Facts<'_>) -> Vec<Target> {
    let arn = facts.assessment.target.as_ref().map(FunctionTarget::arn);
    let mut targets = recorded(facts.route).to_vec();
    let Some(view) = facts.view.filter(|view| view.observed_at.is_some()) else { return targets };
    for target in targets.iter_mut().filter(|target| Some(&target.function_arn) == arn.as_ref()) {
        target.function_url = view.url.as_ref().map(|url| url.url.clone());
        target.created_at = view.url.as_ref().map(|url| url.creation_time.clone());
        target.ownership = ownership(facts, view, target.ownership);
        target.permissions = permissions_used(facts, view, target);
        // A look that found nothing to use, or after which something is left to be written, is no complete one.
        if view.settled && view.url.is_some() {
            target.last_sync_time = view.synced_at.map(Time).or_else(|| target.last_sync_time.take());
            target.settings_digest = Some(facts.settings_digest.to_owned());
        }
    }
    targets
}

/// What it makes use of is known until a manifest without it is carried out.
fn permissions_used(facts: &Facts<'_>, view: &TargetView, target: &Target) -> Vec<Permission> {
    let route = key(facts.route);
    let demand = &facts.assessment.demand;
    let carried_out = lives(facts.route)
        && facts.assessment.refused.is_none()
        && facts.claim == ServiceClaim::Ours
        && view.planned.get(&route) == Some(&facts.route.metadata.generation)
        && view.failure.is_none()
        && view.serves(&route, demand)
        && !view.conflicted.contains(&route);
    let mut used: BTreeSet<Permission> = demand.permissions_used();
    if !carried_out {
        used = target.permissions.iter().copied().collect();
        let served = facts.served.filter(|served| served.function_arn == target.function_arn);
        used.extend(served.into_iter().flat_map(|served| served.demand().permissions_used()));
    }
    used.into_iter().collect()
}

/// A route that only observes leaves the URL config to others, whoever made it.
fn ownership(facts: &Facts<'_>, view: &TargetView, before: Option<Ownership>) -> Option<Ownership> {
    let observes = match facts.assessment.refused {
        None => facts.assessment.demand.management == FunctionUrlManagement::Observe,
        Some(_) => before == Some(Ownership::Observed),
    };
    view.ownership.map(|ownership| if observes { Ownership::Observed } else { ownership })
}

fn earlier<'a>(facts: &Facts<'a>, type_: ConditionType) -> Option<&'a Condition> {
    let found = find(facts.route, type_)?;
    (found.observed_generation == facts.route.metadata.generation).then_some(found)
}

/// A condition of a route's present status.
pub fn find(route: &LambdaRoute, type_: ConditionType) -> Option<&Condition> {
    route.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

fn condition(facts: &Facts<'_>, type_: ConditionType, judgement: &Judgement) -> Condition {
    let state = judgement.state.as_str();
    let since = find(facts.route, type_)
        .filter(|before| before.status == state)
        .map_or(Time(facts.now), |before| before.last_transition_time.clone());
    Condition {
        type_: type_.as_str().to_owned(),
        status: state.to_owned(),
        reason: judgement.reason.as_str().to_owned(),
        message: bounded(&judgement.message),
        observed_generation: facts.route.metadata.generation,
        last_transition_time: since,
    }
}

/// The message, cut off where it is too long: one that the API server refuses would take the whole status with it.
fn bounded(message: &str) -> String {
    if message.len() <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let mut end = LONGEST_MESSAGE - '…'.len_utf8();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end])
}

/// Whether status says something of the present manifest.
pub fn is_told(route: &LambdaRoute) -> bool {
    route.status.as_ref().is_some_and(|status| status.observed_generation == route.metadata.generation)
}

/// Whether a condition of this route was false for this reason before.
pub fn was(route: &LambdaRoute, type_: ConditionType, reason: Reason) -> bool {
    find(route, type_).is_some_and(|condition| condition.reason == reason.as_str())
}

/// The whole status as a merge patch: what is absent is taken away.
pub fn patch(route: &LambdaRoute, status: &LambdaRouteStatus) -> serde_json::Value {
    let LambdaRouteStatus {
        observed_generation,
        url,
        function,
        targets,
        auth,
        programmed_digest,
        port,
        last_handled_reconcile_at,
        conditions,
    } = status;
    serde_json::json!({
        "metadata": {"uid": route.uid(), "resourceVersion": route.resource_version()},
        "status": {
            "observedGeneration": observed_generation,
            "url": url,
            "function": function,
            "targets": targets,
            "auth": auth,
            "programmedDigest": programmed_digest,
            "port": port,
            "lastHandledReconcileAt": last_handled_reconcile_at,
            "conditions": conditions,
        },
    })
}

/// Whether it is neither suspended nor going.
fn lives(route: &LambdaRoute) -> bool {
    !deleting(route) && !suspended(route)
}

#[cfg(test)]
mod tests;
