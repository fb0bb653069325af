//! Key sets come, change and go, and so do the routes that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lambdaroute_proxy_config::v1alpha1::KeySet;

use super::event::Effect;
use super::key_set::Keys;
use super::pod::ProxyId;
use super::state::State;
use crate::programming::{KeySetId, RouteId, TableEvent};

/// How often a key set is told to be old at most.
const STALE_INTERVAL: Duration = Duration::from_secs(60);

impl State {
    /// The key sets that wanted routes refer to, except those that routes bring of their own.
    pub fn wanted_key_sets(&self) -> BTreeSet<KeySetId> {
        let wanted = self.key_sets.iter().filter(|(_, entry)| entry.is_wanted());
        wanted.map(|(id, _)| id.clone()).collect()
    }

    /// Those of the wanted key sets that aren't set.
    pub fn missing_key_sets(&self) -> BTreeSet<KeySetId> {
        let missing = self.key_sets.iter().filter(|(_, entry)| entry.is_missing());
        missing.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn set_keys(&mut self, id: &KeySetId, keys: Keys, owner: Option<&RouteId>, out: &mut Vec<Effect>) {
        let version = self.next_version();
        let entry = self.key_sets.entry(id.clone()).or_default();
        let before = entry.standing();
        entry.owner = owner.cloned();
        if entry.keys != keys {
            entry.keys = keys;
            entry.version = version;
        }
        self.key_set_stands(id, before, out);
    }

    /// The key sets that a route refers to and brings, in place of those of its present wish.
    pub(super) fn use_key_sets(
        &mut self,
        route: &RouteId,
        used: &BTreeSet<KeySetId>,
        brought: &BTreeMap<KeySetId, KeySet>,
        out: &mut Vec<Effect>,
    ) {
        for (id, keys) in brought {
            self.set_keys(id, Keys::Present(Arc::new(keys.clone())), Some(route), out);
        }
        let before = self.routes.get(route).map(|entry| entry.key_sets.clone()).unwrap_or_default();
        for id in before.union(used) {
            let entry = self.key_sets.entry(id.clone()).or_default();
            let before = entry.standing();
            if used.contains(id) {
                entry.users.insert(route.clone())
            } else {
                entry.users.remove(route)
            };
            self.key_set_stands(id, before, out);
        }
        let desired = self.routes.get(route).and_then(|entry| entry.desired.as_ref());
        let had: Vec<_> = desired.into_iter().flat_map(|desired| desired.key_sets.keys().cloned()).collect();
        for id in had.into_iter().filter(|id| !brought.contains_key(id)) {
            self.set_keys(&id, Keys::Absent, None, out);
        }
        if let Some(entry) = self.routes.get_mut(route) {
            entry.key_sets.clone_from(used);
        }
    }

    /// Tells whether a key set is wanted or missing otherwise than before, and forgets it if nothing is known of it.
    fn key_set_stands(&mut self, id: &KeySetId, before: (bool, bool), out: &mut Vec<Effect>) {
        let Some(entry) = self.key_sets.get(id) else { return };
        if entry.standing() != before {
            out.push(Effect::Tell(TableEvent::KeySets));
        }
        if entry.users.is_empty() && !matches!(entry.keys, Keys::Present(_)) {
            self.key_sets.remove(id);
        }
    }

    /// A proxy says that a key set may be old. It may speak of those that its own routes use only.
    pub(super) fn stale_key_set(&mut self, proxy: &ProxyId, id: KeySetId, now: Instant, out: &mut Vec<Effect>) {
        let Some(entry) = self.key_sets.get_mut(&id).filter(|entry| entry.owner.is_none()) else { return };
        let has = |route: &RouteId| self.routes.get(route).is_some_and(|entry| entry.views.contains_key(proxy));
        let recent = entry.stale_told.is_some_and(|told| now < told + STALE_INTERVAL);
        if !recent && entry.users.iter().any(has) {
            entry.stale_told = Some(now);
            out.push(Effect::Tell(TableEvent::StaleKeySet(id)));
        }
    }
}
