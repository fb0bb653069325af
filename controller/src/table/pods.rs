//! Pods come, change and go: who may get routes follows.

use std::collections::BTreeSet;
use std::time::Instant;

use super::event::{Close, Effect};
use super::pod::{PodFacts, ProxyId};
use super::proxy::Proxy;
use super::state::{Alarm, State};

impl State {
    pub(super) fn pods_listed(&mut self, pods: Vec<PodFacts>, now: Instant, out: &mut Vec<Effect>) {
        let listed: BTreeSet<_> = pods.iter().map(|pod| pod.id.clone()).collect();
        let gone: Vec<_> = self.proxies.keys().filter(|id| !listed.contains(*id)).cloned().collect();
        for pod in pods {
            self.pod(pod, now, out);
        }
        for id in gone {
            self.pod_gone(&id, now, out);
        }
        if !self.pods_listed {
            self.pods_listed = true;
            // Dead Pods leave the slices even before the reconciler knows its routes.
            out.extend(self.slices.keys().cloned().map(Effect::Slice));
        }
    }

    pub(super) fn pod(&mut self, pod: PodFacts, now: Instant, out: &mut Vec<Effect>) {
        let id = pod.id.clone();
        let proxy = self.proxies.entry(id.clone()).or_insert_with(|| Proxy::new(pod.clone()));
        let same = proxy.pod == pod;
        if proxy.pod.zone != pod.zone || proxy.pod.node != pod.node {
            self.generation += 1;
        }
        proxy.pod = pod;
        if proxy.pod.terminating && proxy.leaving_since.is_none() {
            proxy.leaving_since = Some(now);
            self.alarms.insert((now + self.settings.leaving, Alarm::Proxies));
        }
        if same {
            return;
        }
        self.proxy_changed(&id, now, out);
    }

    pub(super) fn pod_gone(&mut self, id: &ProxyId, now: Instant, out: &mut Vec<Effect>) {
        self.close(id, Close::PodGone, out);
        let Some(proxy) = self.proxies.remove(id) else { return };
        for route in &proxy.routes {
            if let Some(entry) = self.routes.get_mut(route) {
                entry.views.remove(id);
                entry.chosen.remove(id);
                entry.refusals.remove(id);
                entry.chosen_from = None;
            }
        }
        for key_set in &proxy.key_sets {
            self.drop_key_set_view(id, key_set);
        }
        for key in self.listings.get(id).into_iter().flatten() {
            out.push(Effect::Slice(key.clone()));
        }
        self.refresh_identities(out);
        if self.refresh_eligible(now) {
            self.settle_all(now, out);
        } else {
            for route in proxy.routes {
                self.settle(&route, now, out);
            }
        }
    }

    /// Looks again at everything that depends on this proxy.
    pub(super) fn proxy_changed(&mut self, id: &ProxyId, now: Instant, out: &mut Vec<Effect>) {
        if self.refresh_eligible(now) {
            self.settle_all(now, out);
        } else if let Some(proxy) = self.proxies.get(id) {
            for route in proxy.routes.clone() {
                self.settle(&route, now, out);
            }
        }
        for key in self.listings.get(id).into_iter().flatten() {
            out.push(Effect::Slice(key.clone()));
        }
        if let Some(stream) = self.stream_id(id) {
            out.push(Effect::Wake(stream));
        }
    }

    /// Recomputes who may get routes; whether that has changed.
    pub(super) fn refresh_eligible(&mut self, now: Instant) -> bool {
        let reconnect = self.settings.reconnect;
        let eligible: BTreeSet<_> = self
            .proxies
            .iter()
            .filter(|(_, proxy)| {
                let there = proxy.stream.is_some() || proxy.lost_at.is_some_and(|lost| now < lost + reconnect);
                there && proxy.pod.ready && !proxy.pod.addresses.is_empty() && proxy.leaving_since.is_none()
            })
            .map(|(id, _)| id.clone())
            .collect();
        let changed = eligible != self.eligible;
        self.eligible = eligible;
        self.generation += u64::from(changed);
        changed
    }
}
