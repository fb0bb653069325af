//! What an uninstall means for a route's targets. Pure. A route that is really being deleted ends as ever; any other one is as if
//! it were deleted, but that what the manifest keeps is kept, whoever else is on the function.

use kube::ResourceExt;
use lambdaroute_crds::Target;

use crate::intent::{self, deleting, force_deleted, key, leaves_as_it_is, recorded, suspended};
use crate::plan::{Intent, Recorded, RouteOnTarget};
use crate::programmed::Programmed;
use crate::snapshot::Known;
use crate::target::FunctionTarget;

/// What becomes of what a route has at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is taken back.
    TakenBack,
    /// It stays: `deletionPolicy: Retain`, or `suspend`.
    Kept,
    /// It is left as it is, since somebody asked for it: the annotation of a forced deletion.
    Abandoned,
}

/// The fate of one entry of `status.targets`.
pub(super) fn fate(known: &Known, entry: &Target, target: &FunctionTarget) -> Fate {
    let Known { route, assessment, served, .. } = known;
    if force_deleted(route) {
        Fate::Abandoned
    } else if leaves_as_it_is(route, entry, target, assessment, served.as_ref()) {
        Fate::Kept
    } else {
        Fate::TakenBack
    }
}

/// What a route means for a target; none: nothing.
pub(super) fn on_target(known: &Known, target: &FunctionTarget) -> Option<RouteOnTarget> {
    let Known { route, assessment, claim, served, .. } = known;
    if deleting(route) {
        return intent::on_target(route, target, assessment, *claim, served.as_ref());
    }
    let arn = target.arn();
    let entry = recorded(route).iter().find(|recorded| recorded.function_arn == arn)?;
    let intent = match fate(known, entry, target) {
        Fate::Abandoned => return None,
        Fate::TakenBack => Intent::Releases,
        // Others on the function go; what this one needs stays as the manifest has it.
        Fate::Kept => {
            let repair =
                !suspended(route) && assessment.refused.is_none() && assessment.target.as_ref() == Some(target);
            let served = served.as_ref().filter(|served| served.function_arn == arn).map(Programmed::demand);
            Intent::Keeps { programmed: served.or_else(|| repair.then(|| assessment.demand.clone())), repair }
        }
    };
    let recorded = Some(Recorded {
        created_at: entry.created_at.clone(),
        ownership: entry.ownership,
        permissions: entry.permissions.iter().copied().collect(),
    });
    Some(RouteOnTarget { route: key(route), intent, recorded })
}

/// Whether our finalizer is on it.
pub(super) fn is_held(route: &impl ResourceExt) -> bool {
    route.finalizers().iter().any(|finalizer| finalizer == lambdaroute_crds::FINALIZER)
}

#[cfg(test)]
mod tests;
