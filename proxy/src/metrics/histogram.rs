//! A histogram of durations: counters and nothing else, so that an observation is two additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Milliseconds. Function URLs answer in some milliseconds at best, and in 15 minutes at most.
const BOUNDS_MS: [u64; 12] = [5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000, 120_000, 900_000];

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    /// One for each bound, and one for what is above all.
    counts: [AtomicU64; BOUNDS_MS.len() + 1],
    nanoseconds: AtomicU64,
}

/// As a scrape tells it.
pub(crate) struct Observed {
    /// Seconds.
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// Upper bound in seconds, and how many were within this one and above the one before.
    pub(crate) buckets: Vec<(f64, u64)>,
}

impl Durations {
    pub(crate) fn observe(&self, duration: Duration) {
        let bucket = BOUNDS_MS.iter().position(|bound| duration <= Duration::from_millis(*bound));
        self.counts[bucket.unwrap_or(BOUNDS_MS.len())].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(crate) fn observed(&self) -> Observed {
        let bounds = BOUNDS_MS.iter().map(|bound| Duration::from_millis(*bound).as_secs_f64()).chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        Observed {
            sum: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64(),
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets,
        }
    }
}

#[cfg(test)]
mod tests;
