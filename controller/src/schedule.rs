//! When a target is looked at in AWS: once a drift period, when somebody asks, and when a proxy reports refusals. Pure: the
//! clock is an argument.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Reports of proxies lead to a look no more often.
pub const REPORTS_APART: Duration = Duration::from_secs(60);
/// So much of a period lies between two looks at least; looks are spread over as much after it.
const SHORTEST: f64 = 0.8;
const SPREAD: f64 = 0.4;

/// The looks at one target, past and due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The look that the present period counts from: `lastSyncTime`.
    synced: Option<Timestamp>,
    /// When that period ends.
    period_ends: Option<Instant>,
    /// An earlier look that is wanted.
    wanted: Option<Instant>,
    /// When the last look that a report led to was due.
    reported: Option<Instant>,
}

impl Schedule {
    /// The time of the look that the present period counts from.
    pub fn synced(&self) -> Option<Timestamp> {
        self.synced
    }

    /// When the next look is due. None: no look is known.
    pub fn due(&self) -> Option<Instant> {
        match (self.period_ends, self.wanted) {
            (Some(ends), Some(wanted)) => Some(ends.min(wanted)),
            (ends, wanted) => ends.or(wanted),
        }
    }

    /// Whether a look is known and none is due.
    pub fn rests(&self, now: Instant) -> bool {
        self.period_ends.is_some() && self.due().is_some_and(|due| now < due)
    }

    /// Somebody wants a look now.
    pub fn ask(&mut self, now: Instant) {
        self.wanted = Some(self.wanted.map_or(now, |wanted| wanted.min(now)));
    }

    /// A proxy reports that AWS refuses what should work. Answers when the look is due.
    pub fn report(&mut self, now: Instant) -> Instant {
        let next = self.reported.map_or(now, |last| (last + REPORTS_APART).max(now));
        if let Some(wanted) = self.wanted
            && wanted <= next
        {
            return wanted;
        }
        self.reported = Some(next);
        self.wanted = Some(next);
        next
    }

    /// A look begins. What is wanted from now on isn't answered by it.
    pub fn begin(&mut self, now: Instant) {
        self.wanted = self.wanted.filter(|wanted| *wanted > now);
    }

    /// A look at `time` is complete. `chance` is between 0 and 1. A look that comes much sooner than the period would have it
    /// leaves the period as it is: its time is written in status at most once in it. A period that is over ends with it,
    /// whatever the wall clock says: another process' may be ahead, and any may be set back.
    pub fn looked(&mut self, now: Instant, time: Timestamp, period: Duration, chance: f64) {
        let shortest = signed(period.mul_f64(SHORTEST));
        let runs = self.period_ends.is_some_and(|ends| now < ends);
        if runs && self.synced.is_some_and(|last| time.duration_since(last) < shortest) {
            return;
        }
        self.synced = Some(time);
        self.period_ends = Some(now + spread(period, chance));
    }

    /// Goes on from a look that another process made at `last`: its period ends as if it had been ours.
    pub fn resume(&mut self, last: Timestamp, time: Timestamp, now: Instant, period: Duration, chance: f64) {
        let ago = Duration::try_from(time.duration_since(last)).unwrap_or_default();
        self.synced = Some(last);
        self.period_ends = Some(now + spread(period, chance).saturating_sub(ago));
    }
}

fn spread(period: Duration, chance: f64) -> Duration {
    period.mul_f64(SHORTEST + SPREAD * chance.clamp(0.0, 1.0))
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests;
