//! The monotonic clock as a number: nanoseconds since it was made.

use std::time::Instant;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn since(began: Instant) -> Self {
        Clock(began)
    }

    /// A time before the beginning is the beginning.
    pub(crate) fn time(self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX)
    }
}
