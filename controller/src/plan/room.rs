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

fn is_proxies(step: &Step) -> bool {
    matches!(step, Step::AddPermission { whose, .. } if whose == PROXIES)
}

/// The writes in an order in which each fits: what is added first, so that nobody waits, or, where there is no room for both,
/// what nobody wants any more is taken away first. If even that doesn't fit, nothing is written but a lost statement of the
/// proxies.
pub(super) fn fit(target: &FunctionTarget, observed: &Observation, writes: Writes, plan: &mut Plan) -> Vec<Step> {
    let Writes { before, url, after, removals, unwanted, finding: _ } = writes;
    let repair: Vec<Step> =
        if url.is_none() { before.iter().filter(|step| is_proxies(step)).cloned().collect() } else { Vec::new() };
    let added: Vec<Step> = before.into_iter().chain(url).chain(after).collect();
    let in_time: Vec<Step> = added.iter().chain(&removals).cloned().collect();
    if peak(target, &observed.policy, &in_time) <= MAX_BYTES {
        return in_time;
    }
    let rest = removals.into_iter().filter(|step| !unwanted.contains(step));
    let in_place: Vec<Step> = unwanted.iter().cloned().chain(added).chain(rest).collect();
    let needed = peak(target, &observed.policy, &in_place);
    if needed <= MAX_BYTES {
        return in_place;
    }
    plan.too_large = Some(TooLarge { bytes: observed.policy.bytes, needed });
    if peak(target, &observed.policy, &repair) <= MAX_BYTES { repair } else { Vec::new() }
}
