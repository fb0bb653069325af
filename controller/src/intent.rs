//! What a route means for one function target. Pure. Deletion needs uid and status alone, never a valid spec.

use kube::{Resource, ResourceExt};
use lambdaroute_crds::condition::Reason;
use lambdaroute_crds::{DeletionPolicy, FINALIZER, LambdaRoute, Ownership, Permission, Target, TargetState};

use crate::access_policy::{Demands, Verdict};
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

/// `status.targets` has room for so many, as its schema says.
pub const MOST_TARGETS: usize = 8;

/// The targets that its status names.
pub fn recorded(route: &LambdaRoute) -> &[Target] {
    route.status.as_ref().map(|status| status.targets.as_slice()).unwrap_or_default()
}

/// Whether the platform doesn't allow any more what a route has at a target: it is taken back like a deleted one's, whatever
/// the manifest says of suspension and retention. A manifest that asks for more than is allowed loses nothing that it has.
pub fn lost_permission(
    route: &LambdaRoute,
    target: &FunctionTarget,
    assessment: &Assessment,
    programmed: Option<&Programmed>,
) -> bool {
    // What is accepted is brought about, which takes back what it doesn't ask for; but nothing is while it is suspended.
    let accepted = assessment.refused.is_none() && assessment.target.as_ref() == Some(target) && !suspended(route);
    let verdict = || assessment.rights.judge(target, in_place(route, &target.arn(), programmed));
    !accepted && matches!(verdict(), Verdict::Denied | Verdict::Lacks(_))
}

/// What a route has at a target besides ordinary use: as status says, which the controller alone writes, and as the Service says
/// where that is believed. Whoever edits the Service can't make it less.
fn in_place(route: &LambdaRoute, arn: &str, programmed: Option<&Programmed>) -> Demands {
    let served = programmed.filter(|programmed| programmed.function_arn == arn);
    let entry = recorded(route).iter().find(|recorded| recorded.function_arn == arn);
    let mut used = served.map(|served| served.demand().permissions_used()).unwrap_or_default();
    used.extend(entry.iter().flat_map(|entry| &entry.permissions));
    Demands {
        public_url: used.contains(&Permission::PublicURL),
        adopt: entry.is_some_and(|entry| entry.ownership == Some(Ownership::Adopted)),
        grants: used.contains(&Permission::Grants),
    }
}

/// Whether a route's deletion leaves a target as it is. Not one that was being taken back since its permission was lost.
pub fn leaves_as_it_is(
    route: &LambdaRoute,
    entry: &Target,
    target: &FunctionTarget,
    assessment: &Assessment,
    programmed: Option<&Programmed>,
) -> bool {
    let withdrawn = entry.state == TargetState::Releasing && programmed.is_none();
    force_deleted(route) || retained(route) && !withdrawn && !lost_permission(route, target, assessment, programmed)
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
    let served = programmed.filter(|programmed| programmed.function_arn == arn).map(Programmed::demand);
    let keeps = |repair| Intent::Keeps { programmed: served.clone(), repair };
    let wanted = assessment.target.as_ref() == Some(target);
    let pinned_elsewhere = assessment.refused.as_ref().is_some_and(|refused| refused.reason == Reason::TargetChanged);
    let intent = match entry {
        Some(entry) if deleting(route) => {
            if leaves_as_it_is(route, entry, target, assessment, programmed) {
                return None;
            }
            Intent::Releases
        }
        None if deleting(route) || !wanted || suspended(route) => return None,
        // Once marked, it goes to its end, unless the manifest leads there again. Suspension stops it only where proxies
        // still serve the route: else it is a lost permission that takes it back.
        Some(entry)
            if entry.state == TargetState::Releasing
                && (!wanted
                    || assessment.refused.is_some()
                    || lost_permission(route, target, assessment, programmed))
                && (!suspended(route) || programmed.is_none()) =>
        {
            Intent::Releases
        }
        Some(_) if suspended(route) || lost_permission(route, target, assessment, programmed) => keeps(false),
        // A changed default: nothing at all is written, not even a repair with what may be another account's credentials.
        Some(_) if !wanted => keeps(!pinned_elsewhere),
        Some(_) if assessment.refused.is_some() => keeps(true),
        Some(_) if claim == ServiceClaim::Unknown => keeps(false),
        None if assessment.refused.is_some() || claim != ServiceClaim::Ours => return None,
        Some(_) | None => Intent::Wants {
            demand: assessment.demand.clone(),
            programmed: served.clone(),
            finalizer: route.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
        },
    };
    let recorded = entry.map(|entry| Recorded {
        created_at: entry.created_at.clone(),
        ownership: entry.ownership,
        permissions: entry.permissions.iter().copied().collect(),
    });
    Some(RouteOnTarget { route: key(route), intent, recorded })
}

#[cfg(test)]
mod tests;
