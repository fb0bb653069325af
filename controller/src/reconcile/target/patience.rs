//! When a target that isn't done is tried again.

use std::time::Duration;

use crate::aws::{AwsError, ErrorKind};
use crate::reconcile::worker::Outcome;

/// The longest back-off after what takes a person to mend.
pub(super) const LONGEST: Duration = Duration::from_secs(300);
/// The same after what passes by itself (too many calls, no answer, somebody else's write), and while a namespace can't go: whoever
/// has mended what blocked it watches it.
pub(in crate::reconcile) const SOON: Duration = Duration::from_secs(60);

/// When to try again after AWS's answer.
pub(super) fn again(error: &AwsError) -> Outcome {
    let millis = Duration::from_millis;
    let (first, why) = match &error.kind {
        // The jitter may halve it, and then AWS's own word still holds.
        ErrorKind::Throttled { retry_after } => (retry_after.map_or(millis(1000), |after| after * 2), "throttled"),
        ErrorKind::InvalidPrincipal(_) => (millis(2000), "invalid_principal"),
        ErrorKind::NotTaken(_) | ErrorKind::PublicPolicyBlocked => (millis(30_000), "not_taken"),
        ErrorKind::AccessDenied(_) | ErrorKind::Credentials | ErrorKind::OtherAccount { .. } => {
            (millis(1000), "access_denied")
        }
        ErrorKind::Conflict | ErrorKind::PreconditionFailed | ErrorKind::NotFound => (millis(100), "conflict"),
        ErrorKind::PolicyTooLarge => (millis(30_000), "policy_too_large"),
        ErrorKind::Unreachable | ErrorKind::NotLeading => (millis(250), "unreachable"),
        ErrorKind::Other => (millis(1000), "other"),
    };
    // What is over by itself is over soon; what takes a person isn't.
    let passing = matches!(
        error.kind,
        ErrorKind::Throttled { .. }
            | ErrorKind::Unreachable
            | ErrorKind::NotLeading
            | ErrorKind::Conflict
            | ErrorKind::PreconditionFailed
    );
    Outcome::Again { first, longest: if passing { SOON } else { LONGEST }, why }
}

/// The same where a namespace waits for it.
pub(super) fn urgent(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Again { first, longest, why } => Outcome::Again { first, longest: longest.min(SOON), why },
        done @ Outcome::Done(_) => done,
    }
}

#[cfg(test)]
mod tests;
