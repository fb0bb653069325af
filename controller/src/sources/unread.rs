//! Secrets whose read failed or was refused: which, and when they are read again. Pure: the clock and chance are arguments.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::needs::SecretName;
use crate::queue::backoff;

/// The first pause before reads that failed are tried again.
const FIRST: Duration = Duration::from_secs(2);
/// The longest. A right that was given is noticed within it, since no watch tells of one.
const LONGEST: Duration = Duration::from_secs(60);

/// Those of one namespace.
#[derive(Debug, Default)]
pub struct Unread {
    names: BTreeSet<SecretName>,
    failures: u32,
    due: Option<Instant>,
}

impl Unread {
    /// When they are read again.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is read now: what is asked for, and those whose time has come.
    pub fn begin(&mut self, mut asked: BTreeSet<SecretName>, now: Instant) -> BTreeSet<SecretName> {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            asked.append(&mut self.names);
        }
        self.names.retain(|name| !asked.contains(name));
        self.rest();
        asked
    }

    /// These of what was read failed. `chance` is between 0 and 1.
    pub fn failed(&mut self, names: BTreeSet<SecretName>, now: Instant, chance: f64) {
        if !names.is_empty() {
            self.failures = self.failures.saturating_add(1);
            let due = now + backoff(self.failures, FIRST, LONGEST, chance);
            self.due = Some(self.due.map_or(due, |known| known.min(due)));
            self.names.extend(names);
        } else if self.names.is_empty() {
            self.failures = 0;
        }
    }

    fn rest(&mut self) {
        if self.names.is_empty() {
            self.due = None;
        }
    }
}

#[cfg(test)]
mod tests;
