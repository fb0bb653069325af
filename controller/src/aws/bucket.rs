//! The arithmetic of one budget: tokens that come back with time, a rate that halves when AWS throttles and recovers by equal
//! steps. Pure: the clock is an argument.

use std::time::{Duration, Instant};

/// So much of the full rate comes back each second after a throttle: from a half to the whole in ten seconds.
const RECOVERY: f64 = 0.05;
/// Throttles that come within it are answers to the same excess: they halve the rate once.
const SAME_EXCESS: Duration = Duration::from_secs(1);
/// The rate never falls below it, in requests a second.
const LEAST: f64 = 1.0;
/// AWS's Retry-After is believed up to here.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// What a sum of floating-point numbers may lack.
const ROUNDING: f64 = 1e-6;

/// One budget of one account and Region.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    full_rate: f64,
    /// The rate at `since`; it grows from there.
    rate: f64,
    since: Instant,
    tokens: f64,
    at: Instant,
    throttled: Option<Instant>,
    rests_until: Option<Instant>,
}

impl Bucket {
    /// Full, at `rate` requests a second. No second ever sees more than one and a half times the rate: what may be spent at
    /// once is half a second's worth.
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        let full_rate = f64::from(rate.max(1));
        let mut bucket =
            Self { full_rate, rate: full_rate, since: now, tokens: 0.0, at: now, throttled: None, rests_until: None };
        bucket.tokens = bucket.capacity(now);
        bucket
    }

    /// Requests a second, now.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        let recovered = now.saturating_duration_since(self.since).as_secs_f64() * RECOVERY * self.full_rate;
        (self.rate + recovered).min(self.full_rate)
    }

    fn capacity(&self, now: Instant) -> f64 {
        (self.rate(now) / 2.0).max(1.0)
    }

    fn refill(&mut self, now: Instant) {
        if now <= self.at {
            return;
        }
        // Between two looks the rate grows evenly.
        let mean = f64::midpoint(self.rate(self.at), self.rate(now));
        let came = now.saturating_duration_since(self.at).as_secs_f64() * mean;
        self.tokens = (self.tokens + came).min(self.capacity(now));
        self.at = now;
    }

    /// Takes one request.
    ///
    /// # Errors
    /// None is left: when to ask again.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.rests_until
            && now < until
        {
            return Err(until);
        }
        self.refill(now);
        if self.tokens + ROUNDING < 1.0 {
            return Err(now + Duration::from_secs_f64((1.0 - self.tokens) / self.rate(now)));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// AWS throttled a call: half the rate, nothing at hand, and a rest for as long as AWS says.
    pub(super) fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.refill(now);
        self.tokens = 0.0;
        if let Some(rest) = retry_after {
            let until = now + rest.min(LONGEST_REST);
            self.rests_until = Some(self.rests_until.map_or(until, |known| known.max(until)));
        }
        if self.throttled.is_some_and(|last| now.saturating_duration_since(last) < SAME_EXCESS) {
            return;
        }
        self.throttled = Some(now);
        self.rate = (self.rate(now) / 2.0).max(LEAST);
        self.since = now;
    }

    /// How many requests may begin at once, now.
    pub(super) fn left(&self, now: Instant) -> u32 {
        if self.rests_until.is_some_and(|until| now < until) {
            return 0;
        }
        let mut later = self.clone();
        later.refill(now);
        // At most half of `--aws-rate`, never negative.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let left = (later.tokens + ROUNDING) as u32;
        left
    }
}

#[cfg(test)]
mod tests;
