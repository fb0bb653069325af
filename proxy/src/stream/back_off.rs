//! How long to wait before the controllers are tried again. Pure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(5);
/// Controllers answer, but none leads yet: a new leader must not be kept waiting.
const MOST_NOT_LEADING: Duration = Duration::from_secs(1);

/// What came of trying all addresses once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// A stream gave a whole table and ended: the leader may have changed.
    Served,
    /// Some answered that they don't lead.
    NotLeading,
    /// None answered as a controller.
    Unreachable,
}

/// Doubles from 100 ms to 5 s; half of it is chance, so that proxies don't come all at once.
pub(super) struct BackOff {
    next: Duration,
}

impl BackOff {
    pub(super) fn new() -> Self {
        BackOff { next: FIRST }
    }

    /// The wait after a round. `chance`: any number.
    pub(super) fn after(&mut self, round: Round, chance: u32) -> Duration {
        if round == Round::Served {
            self.next = FIRST;
        }
        let most = if round == Round::NotLeading { MOST_NOT_LEADING } else { MOST };
        let base = self.next.min(most);
        self.next = (self.next * 2).min(MOST);
        base / 2 + base.mul_f64(f64::from(chance) / f64::from(u32::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests;
