//! Whether a route's limits let a request in: all or nothing. The buckets of all its limits are locked in the order of the
//! limits' names, whatever version of the route asks, looked at together, and only then taken from, or not.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use smallvec::SmallVec;

use crate::limit::buckets::{Buckets, Opened};
use crate::limit::clock::Clock;
use crate::limit::in_flight::InFlight;
use crate::limit::share::Total;
use crate::limit::subject::{Key, Subject};
use crate::limit::told;

pub(crate) use crate::limit::in_flight::Permit;

/// One rate limit of a version of a route.
pub(crate) struct RateLimit {
    pub(crate) name: Arc<str>,
    /// The name as headers have it.
    pub(crate) quoted: String,
    pub(crate) total: Total,
    pub(crate) keys: Vec<Key>,
    /// Shared with the route's other versions.
    pub(crate) buckets: Arc<Buckets>,
}

/// The limits of a version of a route.
pub(crate) struct RouteLimits {
    clock: Clock,
    process: RandomState,
    /// By name.
    rates: Vec<RateLimit>,
    in_flight: Option<Arc<InFlight>>,
    policy: Option<HeaderValue>,
}

/// What became of a request at the limits.
pub(crate) enum Admission {
    /// It goes on. The permit, where requests in flight are limited, is kept until the answer's last byte.
    Admitted(Option<Permit>, Told),
    /// A rate limit is used up: its quoted name, and the seconds after which none of those used up refuses.
    RateLimited(String, u64, Told),
    /// As many are in flight as may be.
    ConcurrencyLimited(Told),
}

/// The value of `RateLimit`, where there is something to tell.
pub(crate) type Told = Option<HeaderValue>;

impl RouteLimits {
    pub(crate) fn new(
        clock: Clock,
        process: RandomState,
        mut rates: Vec<RateLimit>,
        in_flight: Option<Arc<InFlight>>,
    ) -> Self {
        rates.sort_by(|a, b| a.name.cmp(&b.name));
        let policy = told::policy(rates.iter().map(|limit| (limit.quoted.as_str(), limit.total)));
        RouteLimits { clock, process, rates, in_flight, policy }
    }

    /// The time that limits go by.
    pub(crate) fn time(&self, now: Instant) -> u64 {
        self.clock.time(now)
    }

    /// The value of `RateLimit-Policy`. None: no rate is limited.
    pub(crate) fn policy(&self) -> Option<&HeaderValue> {
        self.policy.as_ref()
    }

    /// Each rate limit with what counts its refusals.
    pub(crate) fn counts(&self) -> Vec<(Arc<str>, Arc<Buckets>)> {
        self.rates.iter().map(|limit| (limit.name.clone(), limit.buckets.clone())).collect()
    }

    /// Lets a request in, or takes nothing.
    pub(crate) fn admit(&self, subject: &Subject<'_>, now: u64) -> Admission {
        let mut opened: SmallVec<[Opened<'_>; 4]> =
            self.rates.iter().map(|limit| limit.buckets.open(self.key(limit, subject), now)).collect();
        let mut refusing: Option<(&RateLimit, u64)> = None;
        for (limit, bucket) in self.rates.iter().zip(&opened) {
            if !bucket.passes(now) {
                bucket.count_refusal();
                let retry_after = told::retry_after(limit.total, &bucket.standing(now));
                if refusing.is_none_or(|(_, longest)| retry_after > longest) {
                    refusing = Some((limit, retry_after));
                }
            }
        }
        // Only by who passes all rates: a flood that they refuse must not take the permits of others for a moment each.
        let permit = if refusing.is_none() { self.in_flight.as_ref().map(InFlight::admit) } else { None };
        if refusing.is_none() && !matches!(permit, Some(None)) {
            opened.iter_mut().for_each(|bucket| bucket.take(now));
        }
        let mut text = told::Text::default();
        for (limit, bucket) in self.rates.iter().zip(&opened) {
            told::add(&mut text, &limit.quoted, limit.total, &bucket.standing(now));
        }
        drop(opened);
        let told = text.value();
        match (refusing, permit) {
            (Some((limit, retry_after)), _) => Admission::RateLimited(limit.quoted.clone(), retry_after, told),
            (None, Some(None)) => Admission::ConcurrencyLimited(told),
            (None, permit) => Admission::Admitted(permit.flatten(), told),
        }
    }

    /// What to tell a caller who is answered before it is known who it is: of those limits that ask for an address or
    /// headers alone. Nothing is taken.
    pub(crate) fn look(&self, subject: &Subject<'_>, now: u64) -> Told {
        let mut text = told::Text::default();
        for limit in self.rates.iter().filter(|limit| limit.keys.iter().all(Key::needs_no_caller)) {
            let standing = limit.buckets.open(self.key(limit, subject), now).standing(now);
            told::add(&mut text, &limit.quoted, limit.total, &standing);
        }
        text.value()
    }

    fn key(&self, limit: &RateLimit, subject: &Subject<'_>) -> u64 {
        if limit.buckets.is_keyed() { subject.hash(&limit.keys, &self.process) } else { 0 }
    }
}

#[cfg(test)]
mod tests;
