//! What in AWS proves to be ours. Pure. A Sid of another cluster or target is never ours, nor is a URL config that nothing proves.

use std::collections::BTreeSet;

use lambdaroute_crds::Ownership;

use super::{RouteOnTarget, Settings};
use crate::observation::{Observation, UrlConfig};
use crate::sid::{Mark, Sid};
use crate::target::FunctionTarget;

/// Whether we made this URL config: a mark of ours has exactly its CreationTime, or a status of ours has.
pub(super) fn is_ours(
    target: &FunctionTarget,
    url: &UrlConfig,
    routes: &[RouteOnTarget],
    observed: &Observation,
    settings: &Settings,
) -> bool {
    let Some(mark) = Mark::of(&url.creation_time) else { return false };
    let marked = our_sids(target, observed, settings).iter().any(|sid| sid.created.as_ref() == Some(&mark));
    let recorded = routes.iter().filter_map(|route| route.recorded.as_ref()).any(|recorded| {
        recorded.ownership == Some(Ownership::Created)
            && recorded.created_at.as_deref().and_then(Mark::of).as_ref() == Some(&mark)
    });
    marked || recorded
}

/// The Sids in the policy that are this cluster's, for this target. Nothing else is ever removed.
pub(super) fn our_sids(target: &FunctionTarget, observed: &Observation, settings: &Settings) -> BTreeSet<Sid> {
    let hash = target.hash();
    lambdaroute_sids(observed).filter(|sid| sid.cluster == settings.cluster && sid.target == hash).collect()
}

/// The Sids in the policy that some cluster's LambdaRoute wrote.
pub(super) fn lambdaroute_sids(observed: &Observation) -> impl Iterator<Item = Sid> {
    observed.policy.statements.iter().filter_map(|statement| statement.sid.as_deref()?.parse().ok())
}
