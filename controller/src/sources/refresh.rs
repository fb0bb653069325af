//! When a key set is fetched again. Pure: the clock and chance are arguments.

use std::time::{Duration, Instant};

use crate::queue::backoff;

/// The shortest that an issuer's `Cache-Control` makes the interval.
const SHORTEST: Duration = Duration::from_secs(300);
/// How far apart fetches are that unknown keys ask for: anybody can write a token that names one.
pub const UNKNOWN_KEY: Duration = Duration::from_secs(60);
/// The first pause after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest pause after failures while there are keys to go on with.
const LONGEST_RETRY: Duration = Duration::from_secs(300);
/// The longest pause after failures while there are none.
const LONGEST_RETRY_WITHOUT: Duration = Duration::from_secs(30);

/// When one key set is fetched.
#[derive(Clone, Debug)]
pub struct Refresh {
    due: Instant,
    failures: u32,
    /// The last fetch that an unknown key has asked for.
    asked: Option<Instant>,
}

impl Refresh {
    /// At once.
    pub fn new(now: Instant) -> Self {
        Self { due: now, failures: 0, asked: None }
    }

    /// When the next fetch is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// How many fetches have failed since the last that didn't.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// A fetch brought keys. `max_age`: how long the issuer says that they are fresh; it may shorten the operator's interval,
    /// within bounds. `chance`, 0 to 1, spreads it over ±20 %.
    pub fn fetched(&mut self, now: Instant, interval: Duration, max_age: Option<Duration>, chance: f64) {
        let shortest = SHORTEST.min(interval);
        let period = max_age.map_or(interval, |age| age.clamp(shortest, interval));
        self.failures = 0;
        self.due = now + period.mul_f64(0.8 + 0.4 * chance.clamp(0.0, 1.0));
    }

    /// A fetch failed. `has_keys`: there are older ones to go on with.
    pub fn failed(&mut self, now: Instant, has_keys: bool, chance: f64) {
        self.failures = self.failures.saturating_add(1);
        let longest = if has_keys { LONGEST_RETRY } else { LONGEST_RETRY_WITHOUT };
        self.due = now + backoff(self.failures, FIRST_RETRY, longest, chance);
    }

    /// A token of the issuer named a key that isn't in the set: a fetch now, but at most one a minute.
    pub fn unknown_key(&mut self, now: Instant) {
        let earliest = self.asked.map_or(now, |asked| (asked + UNKNOWN_KEY).max(now));
        if earliest < self.due {
            self.due = earliest;
            self.asked = Some(earliest);
        }
    }
}

/// `max-age` of a `Cache-Control` (RFC 9111 section 5.2.2). `no-cache` and `no-store` say: fresh for no time.
pub fn max_age(cache_control: &str) -> Option<Duration> {
    let mut age = None;
    for directive in cache_control.split(',').map(|directive| directive.trim().to_ascii_lowercase()) {
        if directive == "no-cache" || directive == "no-store" {
            return Some(Duration::ZERO);
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            age = seconds.trim_matches('"').parse().ok().map(Duration::from_secs).or(age);
        }
    }
    age
}

#[cfg(test)]
mod tests;
