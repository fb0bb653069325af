//! The state behind the limits of all routes: what is consumed outlives versions of a route and changes of shares. Asked
//! when the table changes, never by a request.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::{LimitShare, RateShare, Route};

use crate::limit::admission::{RateLimit, RouteLimits};
use crate::limit::buckets::Buckets;
use crate::limit::clock::Clock;
use crate::limit::in_flight::InFlight;
use crate::limit::share::{Total, in_flight, rate};
use crate::limit::subject::Key;
use crate::limit::told::quoted;
use crate::table::ShareStep;

/// The route's id, and the limit's name in it; empty: requests in flight.
pub(crate) type LimitId = (Arc<str>, Arc<str>);

/// See the module.
pub(crate) struct Limits {
    /// The most keys of a limit that have a bucket of their own.
    keys: usize,
    clock: Clock,
    process: RandomState,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    shares: HashMap<LimitId, Share>,
    states: HashMap<LimitId, State>,
    /// States of routes that are gone are looked for when there are more than this.
    sweep_above: usize,
}

/// Kept alive by the versions of the route, which may still answer requests.
enum State {
    Rate {
        buckets: Weak<Buckets>,
        total: Total,
        /// Other keys make other buckets: what the old ones hold says nothing of the new.
        keys: Box<[Key]>,
    },
    InFlight {
        in_flight: Weak<InFlight>,
        total: u32,
    },
}

/// Limits that can't be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidLimit {
    /// A key that this version can't tell.
    #[error("the rate limit {0:?} has a key that isn't one")]
    Key(String),
    /// They would be one limit, asked twice.
    #[error("two rate limits have the name {0:?}")]
    Twice(String),
}

impl Limits {
    pub(crate) fn new(keys: usize) -> Self {
        Limits { keys, clock: Clock::since(Instant::now()), process: RandomState::new(), known: Mutex::default() }
    }

    /// The limits of a version of a route, with what was consumed under versions before it. None: it has no limits.
    ///
    /// # Errors
    /// A key that isn't one, or a name that is there twice; nothing has changed then.
    pub(crate) fn of_route(
        &self,
        id: &Arc<str>,
        route: &Route,
        now: Instant,
    ) -> Result<Option<RouteLimits>, InvalidLimit> {
        let mut keys = Vec::with_capacity(route.rate_limits.len());
        for (place, limit) in route.rate_limits.iter().enumerate() {
            if route.rate_limits[..place].iter().any(|other| other.name == limit.name) {
                return Err(InvalidLimit::Twice(limit.name.clone()));
            }
            let of_limit: Option<Vec<Key>> = limit.keys.iter().map(Key::new).collect();
            keys.push(of_limit.ok_or_else(|| InvalidLimit::Key(limit.name.clone()))?);
        }
        if keys.is_empty() && route.concurrency.is_none() {
            return Ok(None);
        }
        let now = self.clock.time(now);
        let mut known = self.lock();
        known.sweep();
        let mut rates = Vec::with_capacity(keys.len());
        for (limit, keys) in route.rate_limits.iter().zip(keys) {
            let (name, total) = (Arc::<str>::from(limit.name.as_str()), Total::from(limit));
            let buckets = known.buckets((id.clone(), name.clone()), total, &keys, self.keys, now);
            rates.push(RateLimit { name, quoted: quoted(&limit.name), total, keys, buckets });
        }
        let in_flight = route.concurrency.as_ref().map(|concurrency| known.in_flight(id, concurrency.max));
        Ok(Some(RouteLimits::new(self.clock, self.process.clone(), rates, in_flight)))
    }

    /// Takes a share, or lets the total hold again.
    pub(crate) fn set_share(&self, step: ShareStep, now: Instant) {
        let now = self.clock.time(now);
        let mut known = self.lock();
        match step {
            ShareStep::Set(LimitShare { route_id, limit, share }) => {
                known.set_share((route_id.into(), limit.into()), share, now)
            }
            ShareStep::Remove(LimitShare { route_id, limit, .. }) => {
                known.set_share((route_id.into(), limit.into()), None, now)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn set_share(&mut self, id: LimitId, share: Option<Share>, now: u64) {
        match self.states.get(&id) {
            Some(State::Rate { buckets, total, .. }) => {
                if let Some(buckets) = buckets.upgrade() {
                    buckets.set_rate(now, rate(*total, of_rate(share)));
                }
            }
            Some(State::InFlight { in_flight: state, total }) => {
                if let Some(state) = state.upgrade() {
                    state.set_most(in_flight(*total, of_concurrency(share)));
                }
            }
            None => {}
        }
        match share {
            Some(share) => self.shares.insert(id, share),
            None => self.shares.remove(&id),
        };
    }

    fn buckets(&mut self, id: LimitId, total: Total, keys: &[Key], most: usize, now: u64) -> Arc<Buckets> {
        let rate = rate(total, of_rate(self.shares.get(&id).copied()));
        let before = match self.states.get(&id) {
            Some(State::Rate { buckets, keys: before, .. }) if **before == *keys => buckets.upgrade(),
            _ => None,
        };
        let buckets = before.unwrap_or_else(|| Arc::new(Buckets::new(rate, (!keys.is_empty()).then_some(most))));
        buckets.set_rate(now, rate);
        let state = State::Rate { buckets: Arc::downgrade(&buckets), total, keys: keys.into() };
        self.states.insert(id, state);
        buckets
    }

    fn in_flight(&mut self, route_id: &Arc<str>, total: u32) -> Arc<InFlight> {
        let id = (route_id.clone(), Arc::default());
        let most = in_flight(total, of_concurrency(self.shares.get(&id).copied()));
        let before = match self.states.get(&id) {
            Some(State::InFlight { in_flight, .. }) => in_flight.upgrade(),
            _ => None,
        };
        let state = before.unwrap_or_else(|| Arc::new(InFlight::new(most)));
        state.set_most(most);
        self.states.insert(id, State::InFlight { in_flight: Arc::downgrade(&state), total });
        state
    }

    /// Forgets routes whose last version is gone, now and then: it costs as much as there are routes.
    fn sweep(&mut self) {
        if self.states.len() <= self.sweep_above {
            return;
        }
        self.states.retain(|_, state| match state {
            State::Rate { buckets, .. } => buckets.strong_count() > 0,
            State::InFlight { in_flight, .. } => in_flight.strong_count() > 0,
        });
        self.sweep_above = self.states.len() * 2 + 16;
    }
}

fn of_rate(share: Option<Share>) -> Option<RateShare> {
    match share {
        Some(Share::Rate(share)) => Some(share),
        _ => None,
    }
}

fn of_concurrency(share: Option<Share>) -> Option<u32> {
    match share {
        Some(Share::Concurrency(share)) => Some(share.max),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
