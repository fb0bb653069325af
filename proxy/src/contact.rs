//! When a controller was last heard of. Read on each request if the table's age is limited. The age is the longer one by
//! either clock: a wall clock that was set back makes no table young, nor does a machine that slept.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::limit::clock::Clock;
use crate::moment::Moment;

/// The last contact with a controller that served a whole table.
pub(crate) struct Contact {
    max_age: Option<Duration>,
    connected: AtomicBool,
    clock: Clock,
    /// Milliseconds since the epoch; 0: never.
    wall: AtomicU64,
    /// By `clock`.
    monotonic: AtomicU64,
}

impl Contact {
    /// No contact yet. `max_age`: how old the last one may be before routes answer 503; absent: any age. `began`: before
    /// any contact of this process.
    pub(crate) fn new(max_age: Option<Duration>, began: Instant) -> Self {
        Contact {
            max_age,
            connected: AtomicBool::new(false),
            clock: Clock::since(began),
            wall: AtomicU64::new(0),
            monotonic: AtomicU64::new(0),
        }
    }

    /// The stream is up and its snapshot complete.
    pub(crate) fn connected(&self, now: Moment) {
        self.seen(now);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// The stream has ended; until now it counted as contact.
    pub(crate) fn disconnected(&self, now: Moment) {
        if self.connected.swap(false, Ordering::Relaxed) {
            self.seen(now);
        }
    }

    /// An earlier process had contact at this time.
    pub(crate) fn seen_before(&self, time: SystemTime, now: Moment) {
        self.seen(Moment { wall: time, ..now });
    }

    fn seen(&self, now: Moment) {
        let wall = now.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        self.wall.store(u64::try_from(wall).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.monotonic.store(self.clock.time(now.monotonic), Ordering::Relaxed);
    }

    /// Whether a stream is up.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Whether the table's age is limited at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.max_age.is_some()
    }

    /// How long no controller has been heard of. None: never was one.
    pub(crate) fn age(&self, now: Moment) -> Option<Duration> {
        if self.is_connected() {
            return Some(Duration::ZERO);
        }
        let wall = self.wall.load(Ordering::Relaxed);
        let last = (wall != 0).then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(wall)))??;
        let by_wall = now.wall.duration_since(last).unwrap_or_default();
        let since = self.clock.time(now.monotonic).saturating_sub(self.monotonic.load(Ordering::Relaxed));
        Some(by_wall.max(Duration::from_nanos(since)))
    }

    /// Whether the table is too old to serve.
    pub(crate) fn is_too_old(&self, now: impl FnOnce() -> Moment) -> bool {
        let Some(max_age) = self.max_age else { return false };
        if self.is_connected() {
            return false;
        }
        self.age(now()).is_none_or(|age| age > max_age)
    }
}

#[cfg(test)]
mod tests;
