//! Brings one route to rest: who is chosen, who holds on, who may go, and what the reconciler and the slices must learn.
//! Can be called at any time, any number of times.

use std::collections::BTreeSet;
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{Route, Version};

use super::event::Effect;
use super::pod::ProxyId;
use super::route::{Entry, View};
use super::state::{Alarm, State};
use super::tightening;
use crate::assignment::{self, Candidate};
use crate::programming::{RouteId, TableEvent};
use crate::shares;

impl State {
    pub(super) fn settle_all(&mut self, now: Instant, out: &mut Vec<Effect>) {
        for id in self.routes.keys().cloned().collect::<Vec<_>>() {
            self.settle(&id, now, out);
        }
    }

    pub(super) fn settle(&mut self, id: &RouteId, now: Instant, out: &mut Vec<Effect>) {
        if self.begun.is_none() {
            return;
        }
        self.choose(id, out);
        self.direct(id, now, out);
        self.share_out(id, now, out);
        self.forget(id, out);
        self.announce(id, now, out);
        // Whether anything is to be written is decided when it would be.
        if let Some(entry) = self.routes.get(id) {
            out.extend(entry.slices.iter().map(|(key, _)| Effect::Slice(key.clone())));
        }
    }

    /// Chooses proxies. One that can't serve the route, or refused it, is taken only where all are so: its refusal then
    /// tells the user why.
    fn choose(&mut self, id: &RouteId, out: &mut Vec<Effect>) {
        let Some(entry) = self.routes.get(id).filter(|entry| entry.chosen_from != Some(self.generation)) else {
            return;
        };
        let chosen = entry.route().map(|route| self.chosen(entry, route)).unwrap_or_default();
        if chosen != entry.chosen && self.identities_of(&chosen) != self.identities_of(&entry.chosen) {
            out.push(Effect::Tell(TableEvent::Programming(id.clone())));
        }
        if let Some(entry) = self.routes.get_mut(id) {
            entry.chosen = chosen;
            entry.chosen_from = Some(self.generation);
        }
    }

    fn chosen(&self, entry: &Entry, route: &Route) -> BTreeSet<ProxyId> {
        let candidates = |fit: bool| -> Vec<Candidate<'_, ProxyId>> {
            self.eligible
                .iter()
                .filter_map(|id| self.proxies.get_key_value(id))
                // Nobody else can get it.
                .filter(|(id, _)| !entry.is_kept() || entry.views.get(*id).is_some_and(|view| view.served.is_some()))
                // What an unheard proxy understands isn't known yet.
                .filter(|(id, proxy)| {
                    !fit || self.refusal(entry, id).is_none() && (!proxy.heard || proxy.has_features(&route.requires))
                })
                .map(|(id, proxy)| Candidate {
                    id,
                    key: proxy.key,
                    zone: proxy.pod.zone.as_deref().unwrap_or(""),
                    node: proxy.pod.node.as_deref().unwrap_or(""),
                })
                .collect()
        };
        let mut from = candidates(true);
        if from.is_empty() {
            from = candidates(false);
        }
        // The choice of fewer is the beginning of the choice of more: a change of limits moves nobody else.
        let count = self.settings.proxies_per_route.min(shares::most_proxies(route));
        let chosen = assignment::choose(entry.key, count, &from);
        chosen.into_iter().cloned().collect()
    }

    /// Says for each proxy what it shall have of the route: make before break.
    fn direct(&mut self, id: &RouteId, now: Instant, out: &mut Vec<Effect>) {
        let Some(entry) = self.routes.get_mut(id) else { return };
        tightening::fold(&mut entry.tightened, now);
        for alarm in entry.tightened.iter().filter(|t| t.deadline > now) {
            self.alarms.insert((alarm.deadline, Alarm::Route(id.clone())));
        }
        let Some(entry) = self.routes.get(id) else { return };
        let (present, servable, released) = (entry.version, entry.route().is_some(), self.is_released(entry, now));
        let requires = entry.route().map(|route| route.requires.clone()).unwrap_or_default();
        let chosen = entry.chosen.clone();
        let others = entry.views.keys().filter(|proxy| !chosen.contains(*proxy)).cloned();
        for proxy_id in chosen.iter().cloned().chain(others.collect::<Vec<_>>()) {
            let is_chosen = chosen.contains(&proxy_id);
            let listed = self.is_listed(&proxy_id, id);
            let refused = self.routes.get(id).is_some_and(|entry| self.refusal(entry, &proxy_id).is_some());
            let Some(proxy) = self.proxies.get_mut(&proxy_id) else { continue };
            let fresh = Version { epoch: present.epoch, counter: self.counter + 1 };
            let Some(entry) = self.routes.get_mut(id) else { return };
            let view = entry.views.entry(proxy_id.clone()).or_insert_with(|| View::new(true, present));
            proxy.routes.insert(id.clone());
            let before = (view.serve, view.version);
            if !servable {
                view.serve = false;
            } else if is_chosen {
                view.serve = true;
                view.unlisted_since = None;
            } else if view.is_blank() {
                view.serve = false;
            } else if view.serve && proxy.leaving_since.is_none() {
                let since = released && !listed;
                view.unlisted_since = since.then(|| view.unlisted_since.unwrap_or(now));
                if let Some(since) = view.unlisted_since {
                    let until = since + self.settings.drain;
                    if refused || now >= until {
                        view.serve = false;
                    } else {
                        self.alarms.insert((until, Alarm::Route(id.clone())));
                    }
                }
            }
            // One that can't take the present version and is about to be replaced keeps serving what it has.
            let holds_on = !is_chosen && proxy.heard && view.sent.is_some() && !proxy.has_features(&requires);
            if view.serve != before.0 {
                view.version = fresh;
            } else if view.serve && view.version < present && !holds_on {
                view.version = present;
            }
            if view.sent != Some(view.version) {
                self.counter = self.counter.max(view.version.counter);
                self.mark(&proxy_id, id, out);
            }
            self.link(&proxy_id, id, out);
            let reached = self.routes.get(id).is_some_and(|entry| self.reaches(entry, &proxy_id, now));
            if let Some(view) = self.routes.get_mut(id).and_then(|entry| entry.views.get_mut(&proxy_id)) {
                view.reached = reached;
            }
        }
    }

    /// Drops views of proxies that were never told, and removed routes that nobody has.
    fn forget(&mut self, id: &RouteId, out: &mut Vec<Effect>) {
        let Some(entry) = self.routes.get_mut(id) else { return };
        let proxies = &mut self.proxies;
        entry.views.retain(|proxy, view| {
            let keep = view.serve || !view.is_blank();
            if !keep && let Some(proxy) = proxies.get_mut(proxy) {
                proxy.routes.remove(id);
            }
            keep
        });
        if entry.desired.is_none() && entry.views.is_empty() {
            self.routes.remove(id);
            out.push(Effect::Tell(TableEvent::Programming(id.clone())));
        }
    }

    fn announce(&mut self, id: &RouteId, now: Instant, out: &mut Vec<Effect>) {
        let programming = self.judge(id, now);
        let Some(entry) = self.routes.get_mut(id) else { return };
        if entry.announced != programming {
            entry.announced = programming;
            out.push(Effect::Tell(TableEvent::Programming(id.clone())));
        }
    }
}
