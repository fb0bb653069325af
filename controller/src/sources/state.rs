//! What is wanted from where, what is there of it, and what follows from a change. Pure: no clock, no network; the time is an
//! argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use lambdaroute_proxy_config::v1alpha1::{KeySet, key_set};

use super::fetch_error::FetchError;
use super::needs::{Issuer, Need, Needs, SecretName, Source, Uses};
use super::refresh::Refresh;
use super::secret::Known;
use crate::access::SecretValue;
use crate::index::Name;
use crate::programming::KeySetId;

mod problems;

/// An issuer's keys, as a fetch brought them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// As [`super::jwks::public`] makes them.
    pub public: String,
    /// How long the issuer says that they are fresh.
    pub max_age: Option<Duration>,
    /// The cluster's issuer, for [`Issuer::Cluster`].
    pub issuer: Option<String>,
}

/// What is known of an issuer's keys.
#[derive(Debug)]
struct Keys {
    public: Option<String>,
    /// The cluster's issuer.
    issuer: Option<String>,
    /// Why the last fetch failed.
    failure: Option<FetchError>,
    /// When the last fetch succeeded.
    fetched_at: Option<Instant>,
    refresh: Refresh,
    fetching: bool,
}

impl Keys {
    fn new(now: Instant) -> Self {
        let refresh = Refresh::new(now);
        Self { public: None, issuer: None, failure: None, fetched_at: None, refresh, fetching: false }
    }
}

/// What follows from a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// Routes that use what changed.
    pub routes: BTreeSet<Name>,
    /// Key sets to give to proxies, or to take away.
    pub key_sets: Vec<(Need, Option<KeySet>)>,
    /// Secrets to be read.
    pub read: BTreeSet<SecretName>,
    /// When the next fetch is due may have changed.
    pub fetch: bool,
}

/// Everything about sources.
#[derive(Debug)]
pub struct State {
    /// `--secret-namespace`.
    permitted: BTreeSet<String>,
    /// `--jwks-refresh-interval`.
    interval: Duration,
    needs: Needs,
    secrets: BTreeMap<SecretName, Known>,
    issuers: BTreeMap<Issuer, Keys>,
}

impl State {
    /// Nothing is wanted yet.
    pub fn new(permitted: BTreeSet<String>, interval: Duration) -> Self {
        Self { permitted, interval, needs: Needs::default(), secrets: BTreeMap::new(), issuers: BTreeMap::new() }
    }

    /// A route needs these now, and nothing else.
    pub fn want(&mut self, route: &Name, needs: BTreeSet<Need>, now: Instant) -> Effects {
        let mut effects = Effects::default();
        for source in self.needs.set(route, needs) {
            match source {
                Source::Secret(secret) => self.secret_wanted(secret, &mut effects),
                Source::Issuer(issuer) => self.issuer_wanted(issuer, now, &mut effects),
            }
        }
        effects
    }

    fn secret_wanted(&mut self, secret: SecretName, effects: &mut Effects) {
        if self.needs.uses(&secret).is_none() {
            self.secrets.remove(&secret);
            effects.key_sets.push((Need::ApiKeys(secret), None));
        } else if self.permitted.contains(&secret.namespace) {
            // What is used of it may have changed; until it is read again, what is there goes on.
            self.secrets.entry(secret.clone()).or_default();
            effects.read.insert(secret);
        } else {
            self.secrets.insert(secret, Known::NotPermitted);
        }
    }

    fn issuer_wanted(&mut self, issuer: Issuer, now: Instant, effects: &mut Effects) {
        if self.needs.has(&Need::Keys(issuer.clone())) {
            self.issuers.entry(issuer).or_insert_with(|| Keys::new(now));
            effects.fetch = true;
        } else {
            self.issuers.remove(&issuer);
            effects.key_sets.push((Need::Keys(issuer), None));
        }
    }

    /// What is used of a Secret. None: nothing, it needn't be read.
    pub fn uses(&self, secret: &SecretName) -> Option<Uses> {
        self.needs.uses(secret)
    }

    /// The Secrets of a namespace that are used.
    pub fn secrets(&self, namespace: &str) -> BTreeSet<SecretName> {
        self.needs.secrets(namespace)
    }

    /// A Secret was read. What isn't readable any more has no keys: nobody is recognised by what may have been revoked.
    pub fn secret_read(&mut self, secret: &SecretName, known: Known) -> Effects {
        let mut effects = Effects::default();
        let Some(slot) = self.secrets.get_mut(secret) else { return effects };
        if *slot == known {
            return effects;
        }
        *slot = known;
        let need = Need::ApiKeys(secret.clone());
        if self.needs.has(&need) {
            let key_set = self.key_set(&need);
            effects.key_sets.push((need, key_set));
        }
        effects.routes = self.needs.users(&Source::Secret(secret.clone()));
        effects
    }

    /// The used Secrets of a namespace that nobody has refused to let be read, as far as is known.
    pub fn readable(&self, namespace: &str) -> BTreeSet<SecretName> {
        let mut used = self.needs.secrets(namespace);
        used.retain(|secret| self.secrets.get(secret) != Some(&Known::NotPermitted));
        used
    }

    /// When the next fetch is due. `room`: whether one may begin besides the cluster's, which has a place of its own.
    pub fn next_fetch(&self, room: bool) -> Option<Instant> {
        self.waiting(room).map(|(_, keys)| keys.refresh.due()).min()
    }

    /// Takes an issuer whose keys are due to be fetched; it isn't taken again until the fetch has ended. Tenants name
    /// hosts that may answer as slowly as they like: whose namespace has the fewest fetches under way goes first, then who
    /// has waited longest.
    pub fn begin_fetch(&mut self, now: Instant, room: bool) -> Option<Issuer> {
        let mut under_way: BTreeMap<&str, usize> = BTreeMap::new();
        let tenants = self.issuers.iter().filter(|(issuer, keys)| keys.fetching && **issuer != Issuer::Cluster);
        for (issuer, _) in tenants {
            for namespace in self.needs.namespaces(issuer) {
                *under_way.entry(namespace).or_default() += 1;
            }
        }
        let share = |issuer: &Issuer| {
            let counts = self.needs.namespaces(issuer).into_iter().map(|namespace| under_way.get(namespace).copied());
            counts.map(Option::unwrap_or_default).min()
        };
        let due = self.waiting(room).filter(|(_, keys)| keys.refresh.due() <= now);
        let next = due.min_by_key(|(issuer, keys)| (**issuer != Issuer::Cluster, share(issuer), keys.refresh.due()));
        let issuer = next?.0.clone();
        self.issuers.get_mut(&issuer)?.fetching = true;
        Some(issuer)
    }

    fn waiting(&self, room: bool) -> impl Iterator<Item = (&Issuer, &Keys)> {
        self.issuers.iter().filter(move |(issuer, keys)| !keys.fetching && (room || **issuer == Issuer::Cluster))
    }

    /// A fetch has ended. `chance` is between 0 and 1.
    pub fn end_fetch(
        &mut self,
        issuer: &Issuer,
        outcome: Result<Fetched, FetchError>,
        now: Instant,
        chance: f64,
    ) -> Effects {
        let mut effects = Effects { fetch: true, ..Effects::default() };
        let interval = self.interval;
        let Some(keys) = self.issuers.get_mut(issuer) else { return effects };
        keys.fetching = false;
        match outcome {
            Ok(Fetched { public, max_age, issuer: cluster_issuer }) => {
                keys.refresh.fetched(now, interval, max_age, chance);
                keys.fetched_at = Some(now);
                keys.failure = None;
                let changed = keys.public.as_ref() != Some(&public) || keys.issuer != cluster_issuer;
                keys.public = Some(public);
                keys.issuer = cluster_issuer;
                if changed {
                    self.keys_changed(issuer, &mut effects);
                }
            }
            Err(error) => {
                keys.refresh.failed(now, keys.public.is_some(), chance);
                let before = keys.failure.replace(error);
                // With keys to go on with, a failure isn't the routes' matter.
                if keys.public.is_none() && before.as_ref() != Some(&error) {
                    effects.routes = self.needs.users(&Source::Issuer(issuer.clone()));
                }
            }
        }
        effects
    }

    fn keys_changed(&self, issuer: &Issuer, effects: &mut Effects) {
        let need = Need::Keys(issuer.clone());
        let key_set = self.key_set(&need);
        effects.key_sets.push((need, key_set));
        effects.routes = self.needs.users(&Source::Issuer(issuer.clone()));
    }

    /// A token named a key that these lack.
    pub fn unknown_key(&mut self, key_set: &KeySetId, now: Instant) -> Effects {
        let is_it = |issuer: &Issuer| Need::Keys(issuer.clone()).key_set().as_ref() == Some(key_set);
        if let Some((_, keys)) = self.issuers.iter_mut().find(|(issuer, _)| is_it(issuer)) {
            keys.refresh.unknown_key(now);
        }
        Effects { fetch: true, ..Effects::default() }
    }

    /// How many fetches of an issuer's keys have failed in a row, and whether there are older keys to go on with.
    pub fn failing(&self, issuer: &Issuer) -> (u32, bool) {
        self.issuers.get(issuer).map_or((0, false), |keys| (keys.refresh.failures(), keys.public.is_some()))
    }

    /// The routes that use an issuer's keys.
    pub fn users(&self, issuer: &Issuer) -> BTreeSet<Name> {
        self.needs.users(&Source::Issuer(issuer.clone()))
    }

    /// When the oldest of the keys were fetched.
    pub fn oldest_fetch(&self) -> Option<Instant> {
        self.issuers.values().filter_map(|keys| keys.fetched_at).min()
    }

    /// Whose keys are wanted.
    pub fn issuers(&self) -> BTreeSet<Issuer> {
        self.needs.issuers()
    }

    /// Whether everything that a route can't be told to proxies without was looked for, found or not. Proxies keep an
    /// issuer's keys until they are told others.
    pub fn is_settled(&self) -> bool {
        let cluster = self.issuers.get(&Issuer::Cluster);
        self.secrets.values().all(|known| *known != Known::Unknown)
            && cluster.is_none_or(|keys| keys.public.is_some() || keys.failure.is_some())
    }

    /// The key set of a need. None: there is none, and a method that names it recognises nobody.
    pub fn key_set(&self, need: &Need) -> Option<KeySet> {
        let keys = match need {
            Need::ApiKeys(secret) => match self.secrets.get(secret)? {
                Known::Present(content) => key_set::Keys::Consumers(content.api_keys.as_ref()?.consumers.clone()),
                Known::Unknown | Known::NotPermitted | Known::Missing => return None,
            },
            Need::Keys(issuer) => key_set::Keys::Jwks(self.issuers.get(issuer)?.public.clone()?),
            Need::Value(..) => return None,
        };
        Some(KeySet { keys: Some(keys) })
    }

    /// A header's value from a Secret. None: see [`State::problems`].
    pub fn value(&self, secret: &SecretName, key: &str) -> Option<SecretValue> {
        match self.secrets.get(secret)? {
            Known::Present(content) => content.values.get(key)?.clone().ok(),
            Known::Unknown | Known::NotPermitted | Known::Missing => None,
        }
    }

    /// The cluster's issuer, once it is known.
    pub fn cluster_issuer(&self) -> Option<String> {
        self.issuers.get(&Issuer::Cluster)?.issuer.clone()
    }
}

#[cfg(test)]
mod tests;
