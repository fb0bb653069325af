//! When a controller was last heard of. Read on each request if the table's age is limited.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The last contact with a controller that served a whole table.
pub(crate) struct Contact {
    max_age: Option<Duration>,
    connected: AtomicBool,
    /// Seconds since the epoch; 0: never.
    last: AtomicU64,
}

impl Contact {
    /// No contact yet. `max_age`: how old the last one may be before routes answer 503; absent: any age.
    pub(crate) fn new(max_age: Option<Duration>) -> Self {
        Contact { max_age, connected: AtomicBool::new(false), last: AtomicU64::new(0) }
    }

    /// The stream is up and its snapshot complete.
    pub(crate) fn connected(&self, now: SystemTime) {
        self.seen(now);
        self.connected.store(true, Ordering::Relaxed);
    }

    /// The stream has ended; until now it counted as contact.
    pub(crate) fn disconnected(&self, now: SystemTime) {
        if self.connected.swap(false, Ordering::Relaxed) {
            self.seen(now);
        }
    }

    /// Contact at this time, also of an earlier process.
    pub(crate) fn seen(&self, time: SystemTime) {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        self.last.store(seconds, Ordering::Relaxed);
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
    pub(crate) fn age(&self, now: SystemTime) -> Option<Duration> {
        let last = self.last.load(Ordering::Relaxed);
        if self.is_connected() {
            return Some(Duration::ZERO);
        }
        let last = (last != 0).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(last))?;
        Some(now.duration_since(last).unwrap_or_default())
    }

    /// Whether the table is too old to serve.
    pub(crate) fn is_too_old(&self, now: impl FnOnce() -> SystemTime) -> bool {
        let Some(max_age) = self.max_age else { return false };
        if self.is_connected() {
            return false;
        }
        let last = SystemTime::UNIX_EPOCH + Duration::from_secs(self.last.load(Ordering::Relaxed));
        now().duration_since(last).unwrap_or_default() > max_age
    }
}

#[cfg(test)]
mod tests;
