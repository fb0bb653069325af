//! Taking back what is ours when no route needs a target any more.

use std::collections::BTreeSet;

use super::Settings;
use super::ours::{lambdaroute_sids, our_sids};
use crate::observation::Observation;
use crate::sid::{ClusterId, Sid};
use crate::step::Step;
use crate::target::FunctionTarget;

/// The URL config first, so that nobody is let in by halves; the statement with the mark last, so that a crash in between
/// still leaves the proof. A URL config of ours stays while another cluster's statements are there: those clusters.
pub(super) fn take_back(
    target: &FunctionTarget,
    ours: bool,
    observed: &Observation,
    settings: &Settings,
) -> (Vec<Step>, BTreeSet<ClusterId>) {
    let others: BTreeSet<ClusterId> =
        lambdaroute_sids(observed).map(|sid| sid.cluster).filter(|cluster| *cluster != settings.cluster).collect();
    let mut steps = Vec::new();
    if ours && others.is_empty() {
        steps.push(Step::DeleteFunctionUrlConfig { target: target.clone() });
    }
    let mut sids: Vec<Sid> = our_sids(target, observed, settings).into_iter().collect();
    sids.sort_by_key(|sid| (sid.created.is_some(), sid.kind));
    steps.extend(sids.into_iter().map(|sid| Step::RemovePermission { target: target.clone(), sid }));
    (steps, if ours { others } else { BTreeSet::new() })
}
