//! What this proxy enforces of a route's limit: its share, and the total where it has none. Pure.

use lambdaroute_proxy_config::v1alpha1::{RateLimit, RateShare};

use crate::limit::gcra::Rate;

/// A rate limit as the route has it, over all proxies. What callers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Total {
    /// Requests per interval.
    pub(crate) requests: u64,
    pub(crate) interval_ms: u64,
    /// The most at once.
    pub(crate) burst: u64,
}

impl From<&RateLimit> for Total {
    fn from(limit: &RateLimit) -> Self {
        Total { requests: limit.requests, interval_ms: limit.interval_ms, burst: limit.burst }
    }
}

/// The rate to enforce. A share is never more than the total: it may be older than a total that was lowered.
pub(crate) fn rate(total: Total, share: Option<RateShare>) -> Rate {
    let (most, most_at_once) = (total.requests.saturating_mul(1000), total.burst.saturating_mul(1000));
    let share = share.unwrap_or(RateShare { millirequests: most, burst_millirequests: most_at_once });
    Rate::new(share.millirequests.min(most), total.interval_ms, share.burst_millirequests.min(most_at_once))
}

/// The requests in flight to allow.
pub(crate) fn in_flight(total: u32, share: Option<u32>) -> u32 {
    share.unwrap_or(total).min(total)
}

#[cfg(test)]
mod tests;
