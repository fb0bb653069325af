//! What of the certificates has to be renewed, and when. Pure; times are seconds since 1970.

use super::Lifetimes;

/// A certificate's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: i64,
    pub(super) not_after: i64,
}

impl Validity {
    /// Two thirds of it are over.
    fn is_due(self, now: i64) -> bool {
        now >= self.not_before + (self.not_after - self.not_before) / 3 * 2
    }

    fn is_over(self, now: i64) -> bool {
        now >= self.not_after
    }
}

/// What there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) ca: Option<Validity>,
    /// The CA's successor, and since when it stands in the ConfigMap.
    pub(super) next_ca: Option<(Validity, Option<i64>)>,
    pub(super) previous_ca: Option<Validity>,
    /// Only if it fits: signed by the CA, for our name.
    pub(super) leaf: Option<Validity>,
}

/// One step; after it comes another look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// Nothing usable is there.
    Everything,
    /// A successor of the CA, for the ConfigMap.
    NextCa,
    /// The successor becomes the CA and signs a new leaf.
    Promote,
    /// A new leaf of the same CA.
    Leaf,
    /// A former CA has ended.
    ForgetPreviousCa,
}

pub(super) fn what_to_renew(now: i64, facts: &Facts, lifetimes: &Lifetimes) -> Option<Renewal> {
    let Some(ca) = facts.ca.filter(|ca| !ca.is_over(now)) else { return Some(Renewal::Everything) };
    match facts.next_ca {
        Some((next, _)) if next.is_over(now) => return Some(Renewal::NextCa),
        Some((_, Some(since))) if now - since >= seconds(lifetimes) => return Some(Renewal::Promote),
        Some(_) => {}
        None if ca.is_due(now) => return Some(Renewal::NextCa),
        None => {}
    }
    if facts.leaf.is_none_or(|leaf| leaf.is_due(now)) {
        // A leaf never outlives its CA: near that end it would be renewed again and again.
        let as_long = facts.leaf.is_some_and(|leaf| leaf.not_after >= ca.not_after && !leaf.is_over(now));
        if !as_long {
            return Some(Renewal::Leaf);
        }
    }
    facts.previous_ca.filter(|previous| previous.is_over(now)).map(|_| Renewal::ForgetPreviousCa)
}

fn seconds(lifetimes: &Lifetimes) -> i64 {
    i64::try_from(lifetimes.propagation.as_secs()).unwrap_or(i64::MAX)
}
