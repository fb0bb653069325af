//! What is to be written in Kubernetes for one route, beside what its target's plan writes. Pure. Deletion needs uid and
//! status alone: targets first, then the port's rest, the Service, and the finalizer last of all.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use lambdaroute_crds::{FINALIZER, LambdaRoute, TargetState};

use crate::assess::Assessment;
use crate::intent::{deleting, key, leaves_as_it_is, lost_permission, recorded, suspended};
use crate::programmed::Programmed;
use crate::service;
use crate::step::Step;
use crate::target::FunctionTarget;

/// Everything that a route's plan is made of.
pub struct RouteFacts<'a> {
    /// The object as last read.
    pub route: &'a LambdaRoute,
    /// Its manifest, judged; a foreign Service is in it.
    pub assessment: &'a Assessment,
    /// Its own Service, as last read.
    pub service: Option<&'a Service>,
    /// The port that belongs to it.
    pub port: Option<u16>,
    /// What the Service is to remember.
    pub programmed: Option<&'a Programmed>,
    /// What it remembers now.
    pub served: Option<&'a Programmed>,
    /// Targets, by ARN, where nothing of ours is left for this route.
    pub released: &'a BTreeSet<String>,
    /// Proxies serve the manifest's own target.
    pub arrived: bool,
}

/// Plans one route.
pub fn plan_route(facts: &RouteFacts<'_>) -> Vec<Step> {
    if deleting(facts.route) { leave(facts) } else { stay(facts) }
}

fn stay(facts: &RouteFacts<'_>) -> Vec<Step> {
    let mut steps = targets(facts);
    steps.extend(service_step(facts));
    steps
}

fn service_step(facts: &RouteFacts<'_>) -> Option<Step> {
    let RouteFacts { route, assessment, service, port, programmed, .. } = facts;
    let name = service::name(route);
    let accepted = assessment.refused.is_none() && !suspended(route);
    match (service, port, &assessment.target) {
        (None, Some(port), Some(_)) if accepted => {
            Some(Step::CreateService { route: key(route), name, target_port: *port })
        }
        (Some(live), Some(port), Some(target)) if accepted => {
            let wanted = service::desired(route, *port, target, *programmed);
            service::change(live, &wanted).map(|_| Step::ApplyService { route: key(route), name })
        }
        // What isn't allowed any more is forgotten even on a Service that is else left alone.
        (Some(_), Some(_), Some(_)) if facts.served.is_some() && programmed.is_none() => {
            Some(Step::ApplyService { route: key(route), name })
        }
        _ => None,
    }
}

/// Moves of `status.targets`: the old target is released once proxies serve the new one, and forgotten once it is empty. A
/// route releases a target that it may not use any more, even while it is suspended.
fn targets(facts: &RouteFacts<'_>) -> Vec<Step> {
    let RouteFacts { route, assessment, released, arrived, served, .. } = facts;
    let mut steps = Vec::new();
    let accepted = assessment.refused.is_none() && !suspended(route);
    for entry in recorded(route) {
        let Some(target) = FunctionTarget::parse_arn(&entry.function_arn) else { continue };
        let lost = lost_permission(route, &target, assessment, *served);
        let frozen = suspended(route) && served.is_some();
        let route = key(route);
        let wanted = assessment.target.as_ref() == Some(&target);
        let empty = released.contains(&entry.function_arn);
        match (entry.state, wanted) {
            (TargetState::Releasing, true) if accepted => {
                // What it made use of there stays known.
                steps.push(Step::RecordTarget { route, target, permissions: BTreeSet::new() });
            }
            (TargetState::Releasing, _) if empty && !frozen => steps.push(Step::ForgetTarget { route, target }),
            (TargetState::Releasing, _) => {}
            (TargetState::Active, _) if lost => steps.push(Step::ReleaseTarget { route, target }),
            (TargetState::Active, false) if *arrived && accepted => {
                steps.push(Step::ReleaseTarget { route, target });
            }
            (TargetState::Active, _) => {}
        }
    }
    steps
}

fn leave(facts: &RouteFacts<'_>) -> Vec<Step> {
    let RouteFacts { route, assessment, service, port, released, served, .. } = facts;
    let mut steps = Vec::new();
    let mut waits = false;
    for entry in recorded(route) {
        match FunctionTarget::parse_arn(&entry.function_arn) {
            Some(target)
                if released.contains(&entry.function_arn)
                    || leaves_as_it_is(route, entry, &target, assessment, *served) =>
            {
                steps.push(Step::ForgetTarget { route: key(route), target });
            }
            Some(_) => waits = true,
            // Nothing of ours is ever written under such a name.
            None => {}
        }
    }
    if waits {
        return steps;
    }
    if let Some(port) = port {
        steps.push(Step::RestPort { route: key(route), port: *port });
    }
    if let Some(service) = service {
        steps.push(Step::DeleteService { route: key(route), name: service.name_any() });
    }
    if route.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        steps.push(Step::RemoveFinalizer { route: key(route) });
    }
    steps
}

#[cfg(test)]
mod tests;
