//! Key sets come, change and go, and so do the routes that use them. A key set is for those proxies that have a route which
//! refers to it, once for each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lambdaroute_proxy_config::v1alpha1::{KeySet, Version, outcome};

use super::event::Effect;
use super::incoming::plain;
use super::key_set::{Keys, Source};
use super::pod::ProxyId;
use super::state::{Alarm, State};
use super::tightening::{self, Tightened};
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

    pub(super) fn set_keys(&mut self, id: &KeySetId, keys: Keys, source: Source, now: Instant, out: &mut Vec<Effect>) {
        let version = self.next_version();
        let deadline = self.begun.map(|_| now + self.settings.tightening);
        let entry = self.key_sets.entry(id.clone()).or_default();
        let before = entry.standing();
        entry.source = source;
        let refused = !entry.refusals.is_empty();
        if entry.take(keys, version, now, deadline) {
            let users = entry.users.clone();
            let proxies: Vec<_> = entry.views.keys().cloned().collect();
            for proxy in proxies {
                self.mark_key_set(&proxy, id, out);
            }
            for user in users.iter().filter(|_| refused) {
                if let Some(entry) = self.routes.get_mut(user) {
                    entry.chosen_from = None;
                }
            }
            self.settle_key_set(id, now, out);
        }
        self.key_set_stands(id, before, out);
    }

    /// The key sets that a route refers to and brings, in place of those of its present wish.
    pub(super) fn use_key_sets(
        &mut self,
        route: &RouteId,
        used: &BTreeSet<KeySetId>,
        brought: &BTreeMap<KeySetId, KeySet>,
        now: Instant,
        out: &mut Vec<Effect>,
    ) {
        let desired = self.routes.get(route).and_then(|entry| entry.desired.as_ref());
        let had: Vec<_> = desired.into_iter().flat_map(|desired| desired.key_sets.keys().cloned()).collect();
        let before = self.routes.get(route).map(|entry| entry.key_sets.clone()).unwrap_or_default();
        for (id, keys) in brought {
            self.set_keys(id, Keys::Present(Arc::new(keys.clone())), Source::Route(route.clone()), now, out);
        }
        let hold = now + self.settings.key_sets;
        for id in before.symmetric_difference(used) {
            let entry = self.key_sets.entry(id.clone()).or_default();
            let standing = entry.standing();
            if used.contains(id) {
                entry.users.insert(route.clone());
                if entry.keys == Keys::Unknown && entry.hold_until.is_none() {
                    entry.hold_until = Some(hold);
                    self.alarms.insert((hold, Alarm::KeySet(id.clone())));
                }
            } else {
                entry.users.remove(route);
            }
            self.key_set_stands(id, standing, out);
        }
        for id in had.iter().filter(|id| !brought.contains_key(id)) {
            if used.contains(id) {
                self.set_keys(id, Keys::Absent, Source::Nobody, now, out);
            } else if let Some(entry) = self.key_sets.get_mut(id) {
                // Proxies have it until they have the route without it.
                entry.source = Source::Nobody;
                self.forget_key_set(id);
            }
        }
        if let Some(entry) = self.routes.get_mut(route) {
            entry.key_sets.clone_from(used);
        }
    }

    /// A leader begins: whoever isn't proven to have the present keys has to take them in time.
    pub(super) fn begin_key_sets(&mut self, now: Instant) {
        for id in self.key_sets.keys().cloned().collect::<Vec<_>>() {
            let version = self.next_version();
            let Some(entry) = self.key_sets.get_mut(&id) else { continue };
            entry.version = version;
            entry.tightened.clear();
            if entry.keys == Keys::Unknown {
                entry.hold_until = Some(now + self.settings.key_sets);
                self.alarms.insert((now + self.settings.key_sets, Alarm::KeySet(id)));
            } else {
                let deadline = now + self.settings.tightening;
                entry.tightened.push(Tightened { version, deadline });
                self.alarms.insert((deadline, Alarm::KeySet(id)));
            }
        }
    }

    /// Looks again at every route that refers to a key set.
    pub(super) fn settle_key_set(&mut self, id: &KeySetId, now: Instant, out: &mut Vec<Effect>) {
        let Some(entry) = self.key_sets.get_mut(id) else { return };
        tightening::fold(&mut entry.tightened, now);
        let until = entry.changed.map(|changed| changed + self.settings.tightening).filter(|until| *until > now);
        for at in entry.tightened.iter().map(|t| t.deadline).filter(|at| *at > now).chain(until) {
            self.alarms.insert((at, Alarm::KeySet(id.clone())));
        }
        for user in entry.users.clone() {
            self.settle(&user, now, out);
        }
    }

    /// Notes which key sets a proxy needs for a route: those of the version that it shall have, and of the one that it has.
    pub(super) fn link(&mut self, proxy_id: &ProxyId, route: &RouteId, out: &mut Vec<Effect>) {
        let Some(entry) = self.routes.get_mut(route) else { return };
        let Some(proxy) = self.proxies.get(proxy_id) else { return };
        let able = entry.route().is_some_and(|route| !proxy.heard || proxy.has_features(&route.requires));
        let Some(view) = entry.views.get_mut(proxy_id) else { return };
        if entry.key_sets.is_empty() && view.key_sets.is_empty() && view.key_sets_sent.is_empty() {
            return;
        }
        let mut needed = view.key_sets_sent.clone();
        if view.serve && able {
            needed.extend(entry.key_sets.iter().cloned());
        }
        let had = std::mem::replace(&mut view.key_sets, needed.clone());
        for id in had.symmetric_difference(&needed) {
            let entry = self.key_sets.entry(id.clone()).or_default();
            let view = entry.views.entry(proxy_id.clone()).or_default();
            if needed.contains(id) {
                view.routes.insert(route.clone())
            } else {
                view.routes.remove(route)
            };
            if let Some(proxy) = self.proxies.get_mut(proxy_id) {
                proxy.key_sets.insert(id.clone());
            }
            self.mark_key_set(proxy_id, id, out);
        }
    }

    /// The proxy may have to be told of a key set. One that it doesn't need is forgotten at once if there is nobody to tell:
    /// the next snapshot won't have it.
    fn mark_key_set(&mut self, proxy_id: &ProxyId, id: &KeySetId, out: &mut Vec<Effect>) {
        let Some(proxy) = self.proxies.get_mut(proxy_id) else { return };
        if let Some(stream) = proxy.stream.as_mut() {
            stream.dirty_key_sets.insert(id.clone());
            out.push(Effect::Wake(stream.id));
        } else if self.key_sets.get(id).and_then(|entry| entry.views.get(proxy_id)).is_none_or(|v| v.routes.is_empty())
        {
            self.drop_key_set_view(proxy_id, id);
        }
    }

    /// The proxy has nothing to do with a key set any more.
    pub(super) fn drop_key_set_view(&mut self, proxy_id: &ProxyId, id: &KeySetId) {
        if let Some(proxy) = self.proxies.get_mut(proxy_id) {
            proxy.key_sets.remove(id);
        }
        if let Some(entry) = self.key_sets.get_mut(id) {
            entry.views.remove(proxy_id);
            entry.refusals.remove(proxy_id);
        }
        self.forget_key_set(id);
    }

    /// A proxy's stream begins: nothing was sent on it, and without a table it has nothing.
    pub(super) fn greet_key_sets(&mut self, proxy_id: &ProxyId, has_table: bool) {
        let Some(proxy) = self.proxies.get(proxy_id) else { return };
        for id in proxy.key_sets.clone() {
            let Some(entry) = self.key_sets.get_mut(&id) else { continue };
            let refused = entry.refusals.remove(proxy_id).is_some();
            for user in entry.users.iter().filter(|_| refused) {
                if let Some(route) = self.routes.get_mut(user) {
                    route.chosen_from = None;
                }
            }
            let Some(view) = entry.views.get_mut(proxy_id) else { continue };
            view.sent = None;
            if !has_table {
                view.served = None;
            }
            if view.routes.is_empty() {
                self.drop_key_set_view(proxy_id, &id);
            }
        }
    }

    /// What a proxy says to a key set that it was sent.
    pub(super) fn key_set_outcome(
        &mut self,
        proxy: &ProxyId,
        id: &KeySetId,
        version: Version,
        outcome: outcome::Outcome,
        now: Instant,
        out: &mut Vec<Effect>,
    ) {
        let Some(entry) = self.key_sets.get_mut(id) else { return };
        let Some(view) = entry.views.get_mut(proxy).filter(|view| Some(version) <= view.sent) else { return };
        let routes = view.routes.clone();
        match outcome {
            outcome::Outcome::Served(_) | outcome::Outcome::Removed(_) => view.served = view.served.max(Some(version)),
            outcome::Outcome::Refused(refusal) => {
                view.served = None;
                if version >= entry.version {
                    entry.refusals.insert(proxy.clone(), plain(&refusal.detail));
                    for route in &routes {
                        if let Some(route) = self.routes.get_mut(route) {
                            route.chosen_from = None;
                        }
                    }
                }
            }
        }
        for route in routes {
            self.settle(&route, now, out);
        }
    }

    /// Tells whether a key set is wanted or missing otherwise than before, and forgets it if nothing is left of it.
    fn key_set_stands(&mut self, id: &KeySetId, before: (bool, bool), out: &mut Vec<Effect>) {
        if self.key_sets.get(id).is_some_and(|entry| entry.standing() != before) {
            out.push(Effect::Tell(TableEvent::KeySets));
        }
        self.forget_key_set(id);
    }

    fn forget_key_set(&mut self, id: &KeySetId) {
        if self.key_sets.get(id).is_some_and(|entry| entry.is_idle()) {
            self.key_sets.remove(id);
        }
    }

    /// A proxy says that a key set may be old. It may speak of those that its own routes use only.
    pub(super) fn stale_key_set(&mut self, proxy: &ProxyId, id: KeySetId, now: Instant, out: &mut Vec<Effect>) {
        let Some(entry) = self.key_sets.get_mut(&id).filter(|entry| entry.is_wanted()) else { return };
        let recent = entry.stale_told.is_some_and(|told| now < told + STALE_INTERVAL);
        if !recent && entry.views.get(proxy).is_some_and(|view| !view.routes.is_empty()) {
            entry.stale_told = Some(now);
            out.push(Effect::Tell(TableEvent::StaleKeySet(id)));
        }
    }
}
