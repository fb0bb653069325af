//! Divides a route's limits among the proxies that callers reach, or are about to. Shares aren't acknowledged; nothing of the
//! route waits for them.
//!
//! What all proxies together let through exceeds a total for as long as a share that was given back is still held: a proxy
//! that has left the slices keeps its own for callers whose nodes haven't followed ([`super::Settings::drain`], after which it
//! loses the route), one that is cut off keeps the one that it was told last until it is back, or out of the slices. A proxy
//! that joins is told its share with the route, and the others theirs at the same moment, before callers reach it.

use std::cmp::Reverse;
use std::time::Instant;

use super::event::Effect;
use super::pod::ProxyId;
use super::route::Entry;
use super::state::State;
use crate::programming::RouteId;
use crate::{assignment, shares};

impl State {
    pub(super) fn share_out(&mut self, id: &RouteId, now: Instant, out: &mut Vec<Effect>) {
        let Some(entry) = self.routes.get(id) else { return };
        let Some(route) = entry.route() else { return };
        let mut told = Vec::new();
        if shares::is_limited(route) {
            let holders = self.holders(entry, now);
            for (proxy, view) in entry.views.iter().filter(|(_, view)| view.serve) {
                let shares = match holders.iter().position(|holder| *holder == proxy) {
                    Some(index) => shares::of(&id.0, route, holders.len(), index),
                    None if view.shares.is_empty() => shares::nothing(&id.0, route),
                    None => continue,
                };
                if shares != view.shares {
                    told.push((proxy.clone(), shares));
                }
            }
        } else {
            let held = entry.views.iter().filter(|(_, view)| !view.shares.is_empty());
            told.extend(held.map(|(proxy, _)| (proxy.clone(), vec![])));
        }
        if !told.is_empty() {
            self.next_version();
        }
        for (proxy, shares) in told {
            if let Some(view) = self.routes.get_mut(id).and_then(|entry| entry.views.get_mut(&proxy)) {
                view.shares = shares;
            }
            self.mark(&proxy, id, out);
        }
    }

    /// Who shares a route's limits: whom callers reach, and who is there, chosen and able to serve it. First the one that the
    /// route prefers most, so that what can't be divided goes to other proxies for other routes. Where there isn't a whole one
    /// for each, those that let callers through now go on, until their successors serve the route.
    fn holders<'a>(&'a self, entry: &'a Entry, now: Instant) -> Vec<&'a ProxyId> {
        let requires = entry.route().map(|route| route.requires.as_slice()).unwrap_or_default();
        let holds = |id: &ProxyId| {
            let able = self.proxies.get(id).is_some_and(|proxy| proxy.stream.is_some() && proxy.has_features(requires));
            entry.chosen.contains(id) && able && self.refusal(entry, id).is_none() || self.reaches(entry, id, now)
        };
        let serving = entry.views.iter().filter(|(id, view)| view.serve && holds(id));
        let holders = serving.filter_map(|(id, view)| Some((self.proxies.get(id)?.key, id, view)));
        let mut holders: Vec<_> = holders.collect();
        // Not enough for all: one is about to take another's place.
        let scarce = entry.route().is_some_and(|route| holders.len() > shares::most_proxies(route));
        holders.sort_by_key(|(key, id, view)| {
            let lets_through = shares::admit(&view.shares) && self.reaches(entry, id, now);
            let first = if scarce { (lets_through, entry.chosen.contains(*id)) } else { (false, false) };
            (Reverse(first), Reverse(assignment::weight(entry.key, *key)), *id)
        });
        holders.into_iter().map(|(_, id, _)| id).collect()
    }
}
