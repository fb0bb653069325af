//! Whether a change fits into AWS's limit of a policy's size, counted before anything is written.

use super::statements::PROXIES;
use super::{Plan, TooLarge, Writes};
use crate::observation::Observation;
use crate::policy::{MAX_BYTES, Policy};
use crate::step::Step;
use crate::target::FunctionTarget;

/// What the mark of a URL config adds to a Sid: `-c` and ten digits of base 36.
const MARK: &str = "-c0000000000";

/// The largest that the policy gets on the way; 0: nothing is added.
fn peak(target: &FunctionTarget, policy: &Policy, steps: &[Step]) -> usize {
    let mut policy = policy.clone();
    let mut peak = 0;
    for step in steps {
        match step {
            Step::AddPermission { sid, grant, mark_created, .. } => {
                let sid = format!("{sid}{}", if *mark_created { MARK } else { "" });
                policy.add(grant.statement(Some(sid), &target.arn()));
                peak = peak.max(policy.bytes);
            }
            Step::RemovePermission { sid, .. } => policy.remove(&sid.to_string()),
            _ => {}
        }
    }
    peak
}

/// What all that share the URL need: the proxies' pair, and who may call a public URL.
fn is_common(step: &Step) -> bool {
    matches!(step, Step::AddPermission { whose, grant, .. } if whose == PROXIES || grant.grantee.principal == "*")
}

fn is_proxies(step: &Step) -> bool {
    matches!(step, Step::AddPermission { whose, .. } if whose == PROXIES)
}

/// The writes in an order in which each fits: what is added first, so that nobody waits, or, where there is no room for both,
/// what nobody wants any more is taken away first. If even that doesn't fit, no grant is added, but the rest is done; and if the
/// rest doesn't fit, what nobody wants is still taken away, and nothing is written but a lost statement of the proxies.
pub(super) fn fit(target: &FunctionTarget, observed: &Observation, writes: Writes, plan: &mut Plan) -> Vec<Step> {
    let Writes { before, url, after, removals, unwanted, finding: _ } = writes;
    let fits = |steps: &[Step]| peak(target, &observed.policy, steps) <= MAX_BYTES;
    let common = before.iter().filter(|step| is_common(step));
    let rest = removals.iter().filter(|step| !unwanted.contains(step));
    let without_grants: Vec<Step> =
        unwanted.iter().chain(common).chain(&url).chain(&after).chain(rest.clone()).cloned().collect();
    let pair = before.iter().filter(|step| url.is_none() && is_proxies(step));
    let repair: Vec<Step> = unwanted.iter().chain(pair).cloned().collect();
    let in_place: Vec<Step> = unwanted.iter().chain(&before).chain(&url).chain(&after).chain(rest).cloned().collect();
    let in_time: Vec<Step> = before.into_iter().chain(url).chain(after).chain(removals).collect();
    if fits(&in_time) {
        return in_time;
    }
    if fits(&in_place) {
        return in_place;
    }
    let needed = peak(target, &observed.policy, &in_place);
    plan.too_large = Some(TooLarge { bytes: observed.policy.bytes, needed });
    let steps = [without_grants, repair].into_iter().find(|steps| fits(steps)).unwrap_or(unwanted);
    plan.left_out = in_place.into_iter().filter(|step| !steps.contains(step)).collect();
    steps
}
