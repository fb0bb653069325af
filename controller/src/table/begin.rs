//! A leader begins: it believes the slices that it finds, so that a change of leader takes no endpoint away.

use std::time::Instant;

use super::Auth;
use super::event::Effect;
use super::pod::ProxyId;
use super::route::{Entry, Held, View};
use super::state::{Alarm, State};
use super::tightening::Tightened;
use crate::programming::RouteId;
use crate::slices;

impl State {
    /// Once this replica leads, and routes, Pods and slices are known.
    pub(super) fn begin(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let all = self.epoch.is_some() && self.primed && self.pods_listed && self.slices_listed;
        if self.begun.is_some() || !all {
            return;
        }
        self.begun = Some(now);
        // Routes were numbered before the epoch was known, at the latest now they have one of it.
        for id in self.routes.keys().cloned().collect::<Vec<_>>() {
            let version = self.next_version();
            if let Some(entry) = self.routes.get_mut(&id) {
                entry.version = version;
                if entry.desired.is_none() {
                    self.suspect(&id, false);
                }
            }
        }
        self.begin_key_sets(now);
        self.believe(now);
        for proxy in self.proxies.values_mut().filter(|proxy| proxy.stream.is_none()) {
            proxy.lost_at = Some(now);
        }
        self.alarms.insert((now + self.settings.reconnect, Alarm::Proxies));
        self.refresh_eligible(now);
        self.settle_all(now, out);
        out.extend(self.slices.keys().cloned().map(Effect::Slice));
        out.extend(self.proxies.values().filter_map(|proxy| Some(Effect::Wake(proxy.stream.as_ref()?.id))));
    }

    fn believe(&mut self, now: Instant) {
        let version = self.version();
        for (key, slice) in &self.slices {
            let Some(id) = slices::route_of(slice) else { continue };
            let entry = self.routes.entry(id.clone()).or_insert_with(|| Entry::new(&id, version));
            let (auth, found) = (slices::auth_of(slice), slices::guard_of(slice));
            let guard = found.as_ref().map(|found| found.route.clone());
            if let Some(desired) = &entry.desired {
                // Somebody else's, under our labels.
                let ours = entry.slices.iter().any(|(wanted, _)| wanted == key);
                if !ours || !slices::is_owned_by(slice, &desired.service) {
                    continue;
                }
                let present = Auth::of(&desired.route);
                let tightened = auth.tightens_to(present) || entry.guard.is_some() && entry.guard != guard;
                if tightened && entry.tightened.is_empty() {
                    let deadline = now + self.settings.tightening;
                    entry.tightened.push(Tightened { version: entry.version, deadline });
                }
            }
            // Of several slices the loosest: what they don't agree on isn't known.
            entry.found = found.filter(|found| !entry.believed || entry.found.as_ref() == Some(found));
            entry.believed = true;
            for (uid, address) in slice.endpoints.iter().filter_map(slices::target) {
                let proxy_id = ProxyId(uid.to_owned());
                let Some(proxy) = self.proxies.get_mut(&proxy_id) else { continue };
                // One that came back without any table serves nothing yet.
                if !proxy.pod.addresses.contains(&address) || (proxy.heard && !proxy.had_table) {
                    continue;
                }
                let serve = entry.desired.is_some();
                let view = entry.views.entry(proxy_id).or_insert_with(|| View::new(serve, entry.version));
                if view.served.is_none() {
                    view.served =
                        Some(Held { version: None, port: slices::port_of(slice), auth, guard: guard.clone() });
                    view.reached = serve;
                }
                proxy.routes.insert(id.clone());
            }
        }
    }

    /// Adds a view for every proxy that may have a removed route from a former leader.
    pub(super) fn suspect(&mut self, id: &RouteId, known: bool) {
        let version = self.version();
        let Some(entry) = self.routes.get_mut(id) else { return };
        for (proxy_id, proxy) in &mut self.proxies {
            // One that never ran has nothing; one that greeted this leader has what this leader knows.
            let has_nothing = proxy.pod.addresses.is_empty() || known && proxy.heard;
            if !has_nothing && !entry.views.contains_key(proxy_id) {
                let mut view = View::new(false, version);
                view.served = Some(Held { version: None, port: 0, auth: Auth::None, guard: None });
                entry.views.insert(proxy_id.clone(), view);
                proxy.routes.insert(id.clone());
            }
        }
    }
}
