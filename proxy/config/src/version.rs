//! The order of versions: a leader's epoch first, then its counter.

use std::cmp::Ordering;

use crate::v1alpha1::Version;

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.epoch, self.counter).cmp(&(other.epoch, other.counter))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
