//! What a route means for one function target. Pure. Deletion needs uid and status alone, never a valid spec.

use kube::{Resource, ResourceExt};
use lambdaroute_crds::condition::Reason;
use lambdaroute_crds::{AuthType, DeletionPolicy, FINALIZER, LambdaRoute, Target, TargetState};

use crate::assess::{Assessment, ServiceClaim};
use crate::plan::{Intent, Recorded, RouteOnTarget};
use crate::programmed::Programmed;
use crate::step::RouteKey;
use crate::target::FunctionTarget;

/// On a LambdaRoute: lets it go without taking anything back in AWS.
pub const FORCE_DELETE: &str = "lambdaroute.dev/force-delete";

/// The route's key.
pub fn key(route: &LambdaRoute) -> RouteKey {
    RouteKey {
        namespace: route.namespace().unwrap_or_default(),
        name: route.name_any(),
        uid: route.uid().unwrap_or_default(),
    }
}

/// Whether it is being deleted.
pub fn deleting(route: &LambdaRoute) -> bool {
    route.meta().deletion_timestamp.is_some()
}

/// Whether nothing may be written in AWS for it.
pub fn suspended(route: &LambdaRoute) -> bool {
    route.spec.suspend == Some(true)
}

/// Whether somebody asked to let it go.
pub fn force_deleted(route: &LambdaRoute) -> bool {
    route.annotations().get(FORCE_DELETE).is_some_and(|value| value == "true")
}

/// Whether its deletion leaves AWS as it is: deletion goes before suspension, which then acts as Retain.
pub fn retained(route: &LambdaRoute) -> bool {
    suspended(route) || route.spec.deletion_policy == Some(DeletionPolicy::Retain)
}

/// The targets that its status names.
pub fn recorded(route: &LambdaRoute) -> &[Target] {
    route.status.as_ref().map(|status| status.targets.as_slice()).unwrap_or_default()
}

/// A route that was public and may not be any more: it is taken back like a deleted one.
pub fn lost_permission(assessment: &Assessment, programmed: Option<&Programmed>) -> bool {
    assessment.refused.as_ref().is_some_and(|refused| refused.reason == Reason::NotPermitted)
        && programmed.is_some_and(|programmed| programmed.auth_type == AuthType::None)
}

/// What a route means for a target; none: nothing.
pub fn on_target(
    route: &LambdaRoute,
    target: &FunctionTarget,
    assessment: &Assessment,
    claim: ServiceClaim,
    programmed: Option<&Programmed>,
) -> Option<RouteOnTarget> {
    let arn = target.arn();
    let entry = recorded(route).iter().find(|recorded| recorded.function_arn == arn);
    let served = programmed.filter(|programmed| programmed.function_arn == arn).map(Programmed::settings);
    let keeps = |repair| Intent::Keeps { programmed: served, repair };
    let wanted = assessment.target.as_ref() == Some(target);
    let pinned_elsewhere = assessment.refused.as_ref().is_some_and(|refused| refused.reason == Reason::TargetChanged);
    let intent = match entry {
        Some(_) if deleting(route) => {
            if retained(route) || force_deleted(route) {
                return None;
            }
            Intent::Releases
        }
        None if deleting(route) || !wanted || suspended(route) => return None,
        Some(_) if suspended(route) => keeps(false),
        // Once marked, it goes to its end, unless the manifest leads there again.
        Some(entry) if entry.state == TargetState::Releasing && (!wanted || assessment.refused.is_some()) => {
            Intent::Releases
        }
        Some(_) if lost_permission(assessment, programmed) => keeps(false),
        // A changed default: nothing at all is written, not even a repair with what may be another account's credentials.
        Some(_) if !wanted => keeps(!pinned_elsewhere),
        Some(_) if assessment.refused.is_some() => keeps(true),
        Some(_) if claim == ServiceClaim::Unknown => keeps(false),
        None if assessment.refused.is_some() || claim != ServiceClaim::Ours => return None,
        Some(_) | None => Intent::Wants {
            settings: assessment.settings,
            programmed: served,
            finalizer: route.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
        },
    };
    let recorded = entry.map(|entry| Recorded { created_at: entry.created_at.clone(), ownership: entry.ownership });
    Some(RouteOnTarget { route: key(route), intent, recorded })
}

#[cfg(test)]
mod tests;
