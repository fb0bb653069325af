//! Whether a proxy guards a route as it must: whether it has the keys, whose it refused, and what its slices may tell of it.

use std::time::Instant;

use super::guard::{self, Guard};
use super::key_set::{KeySetEntry, Keys};
use super::pod::ProxyId;
use super::route::{Entry, View};
use super::state::State;
use super::tightening;
use crate::programming::KeySetId;

impl State {
    fn key_sets_of<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = (&'a KeySetId, &'a KeySetEntry)> {
        entry.key_sets.iter().filter_map(|id| self.key_sets.get_key_value(id))
    }

    /// Why a proxy doesn't serve the present version of a route, in its words.
    pub(super) fn refusal<'a>(&'a self, entry: &'a Entry, proxy: &ProxyId) -> Option<&'a str> {
        let of_keys = || self.key_sets_of(entry).find_map(|(_, keys)| keys.refusals.get(proxy));
        entry.refusals.get(proxy).or_else(of_keys).map(String::as_str)
    }

    /// Callers may come to a proxy that serves the route: it has keys of every key set, and none that it should have given up
    /// by now. One that callers reach already stays while it takes new ones, or while this leader doesn't know them yet.
    pub(super) fn has_keys(&self, entry: &Entry, proxy: &ProxyId, now: Instant) -> bool {
        let Some(view) = entry.views.get(proxy) else { return false };
        self.key_sets_of(entry).all(|(_, keys)| {
            let had = keys.views.get(proxy);
            let served = had.and_then(|had| had.served);
            match keys.keys {
                Keys::Unknown => view.reached || keys.hold_until.is_none_or(|until| now >= until),
                Keys::Present(_) | Keys::Absent => {
                    let overdue = tightening::is_overdue(&keys.tightened, served, now);
                    let has = served.is_some() || view.reached || keys.keys == Keys::Absent;
                    has && (!overdue || had.is_some_and(|had| !had.given) && self.is_as_found(entry))
                        && !keys.refusals.contains_key(proxy)
                }
            }
        })
    }

    /// The slices that this leader found tell the very keys that are wanted.
    fn is_as_found(&self, entry: &Entry) -> bool {
        entry.found.as_ref().is_some_and(|found| Some(&found.keys) == self.keys_digest(entry).as_ref())
    }

    /// None: the keys of a key set aren't known.
    fn keys_digest(&self, entry: &Entry) -> Option<String> {
        let known = self.key_sets_of(entry).all(|(_, keys)| keys.keys != Keys::Unknown);
        known.then(|| guard::of_all(self.key_sets_of(entry).flat_map(|(id, keys)| [id.0.as_str(), &keys.digest])))
    }

    /// The proxy serves the present version with keys to it.
    pub(super) fn stands_in(&self, entry: &Entry, proxy: &ProxyId, now: Instant) -> bool {
        entry.serves_present(&proxy.0) && self.has_keys(entry, proxy, now)
    }

    /// Those who aren't chosen any more may go: every chosen one has answered, and one of them serves.
    pub(super) fn is_released(&self, entry: &Entry, now: Instant) -> bool {
        let serves = |proxy| self.stands_in(entry, proxy, now);
        entry.chosen.iter().any(serves)
            && entry.chosen.iter().all(|proxy| serves(proxy) || self.refusal(entry, proxy).is_some())
    }

    /// The proxy has all that is wanted of the route, its present keys too. Keys that the route doesn't bring itself may take
    /// as long as a tightening: a rotation alone rewrites no status.
    pub(super) fn is_current(&self, entry: &Entry, proxy: &ProxyId, now: Instant) -> bool {
        let Some(view) = entry.views.get(proxy) else { return false };
        entry.serves_present(&proxy.0)
            && self.key_sets_of(entry).all(|(_, keys)| {
                let served = keys.views.get(proxy).and_then(|had| had.served);
                let fresh = keys.changed.is_some_and(|changed| now < changed + self.settings.tightening);
                keys.keys == Keys::Unknown
                    || served >= Some(keys.version)
                    || view.reached && (self.is_as_found(entry) || fresh && keys.is_wanted())
            })
            && self.refusal(entry, proxy).is_none()
    }

    /// What all of these proxies are guarded by for certain. None: unguarded at the loosest, or not by the same.
    pub(super) fn guard_of(&self, entry: &Entry, proxies: &[&ProxyId]) -> Option<Guard> {
        let digest = self.keys_digest(entry);
        let one = |proxy: &ProxyId| {
            let keys = self.key_sets_of(entry).filter_map(|(_, keys)| Some((keys, keys.views.get(proxy)?)));
            let (mut settled, mut believed) = (true, true);
            for (keys, had) in keys {
                settled &= had.served == Some(keys.version);
                believed &= !had.given;
            }
            let route = entry.views.get(proxy).and_then(View::guard)?;
            let found = || entry.found.as_ref().filter(|_| believed).map(|found| found.keys.clone());
            Some(Guard { route, keys: digest.clone().filter(|_| settled).or_else(found)? })
        };
        let Some((first, rest)) = proxies.split_first() else {
            return Some(Guard { route: entry.guard.clone()?, keys: digest? });
        };
        one(first).filter(|guard| rest.iter().all(|proxy| one(proxy).as_ref() == Some(guard)))
    }
}
