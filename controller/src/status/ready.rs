//! The summary: the first aspect that fails says why.

use lambdaroute_crds::condition::{ConditionType, Reason};

use super::judgement::{Judgement, State};
use super::{Facts, failure};
use crate::intent::{FORCE_DELETE, deleting, recorded, suspended};

/// `Ready`, from the aspects in their order: what is false goes before what isn't known.
pub(super) fn ready(facts: &Facts<'_>, aspects: &[(ConditionType, Judgement)]) -> Judgement {
    if deleting(facts.route) {
        return leaving(facts);
    }
    if suspended(facts.route) {
        return Judgement::no(Reason::Suspended, "spec.suspend is true: nothing is changed until it is taken away");
    }
    let first = |state| aspects.iter().find(|(_, judgement)| judgement.state == state).map(|(_, judgement)| judgement);
    match first(State::False).or_else(|| first(State::Unknown)) {
        Some(judgement) => judgement.clone(),
        None => Judgement::yes(Reason::Ready, "calls are served"),
    }
}

fn leaving(facts: &Facts<'_>) -> Judgement {
    let targets: Vec<_> = recorded(facts.route).iter().map(|target| target.function_arn.as_str()).collect();
    let blocked = facts.release_failure.map(|failure| failure::judge(&failure.error));
    match blocked {
        Some(judgement) if judgement.state == State::False => Judgement {
            message: format!(
                "what LambdaRoute made for {} can't be taken back: {}. It is tried again, slower each time. To let the object \
                 go and leave in AWS what is there, annotate it with {FORCE_DELETE}=true",
                targets.join(", "),
                judgement.message
            ),
            ..Judgement::no(Reason::DeletionBlocked, "")
        },
        _ => Judgement::pending("being deleted: what LambdaRoute made in AWS is taken back"),
    }
}

/// kstatus: `Stalled` where nothing goes on without a person, `Reconciling` while something is under way, neither else.
pub(super) fn abnormal(facts: &Facts<'_>, ready: &Judgement) -> Option<ConditionType> {
    match (ready.state, ready.reason) {
        (State::True, _) | (_, Reason::Suspended) => None,
        (
            _,
            Reason::InvalidSpec
            | Reason::UnsupportedValue
            | Reason::NotPermitted
            | Reason::ServiceNameConflict
            | Reason::Conflicted
            | Reason::TargetChanged
            | Reason::AlreadyExists
            | Reason::AccessDenied
            | Reason::PolicyTooLarge
            | Reason::ConflictingManager
            | Reason::WrongPrincipal
            | Reason::Refused
            | Reason::DeletionBlocked,
        ) => Some(ConditionType::Stalled),
        _ if deleting(facts.route) => None,
        _ => Some(ConditionType::Reconciling),
    }
}
