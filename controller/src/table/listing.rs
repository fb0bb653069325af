//! The EndpointSlices: as observed, and as they shall be.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::discovery::v1::EndpointSlice;

use super::Auth;
use super::event::{Effect, SliceKey};
use super::pod::{PodFacts, ProxyId};
use super::route::Entry;
use super::state::State;
use super::tightening;
use crate::programming::{Programming, RouteId};
use crate::slices;

/// What to write for a slice.
#[derive(Clone, Debug, PartialEq)]
pub enum SliceWrite {
    /// There is none: POST this one.
    Create(EndpointSlice),
    /// Apply this, fenced by the observed uid and resourceVersion.
    Apply(EndpointSlice),
    /// Its address type can't be changed: delete it, if it is still this one.
    Delete {
        /// The slice's uid.
        uid: Option<String>,
        /// The resourceVersion that was observed.
        resource_version: Option<String>,
    },
}

impl State {
    /// What has to be written for a slice now. What it returns counts as under way until [`super::Event::SliceWritten`].
    pub fn slice_write(&mut self, key: &SliceKey, now: Instant) -> Option<SliceWrite> {
        self.epoch?;
        let desired = self.desired_slice(key, now)?;
        let write = match self.slices.get(key) {
            None => SliceWrite::Create(desired),
            Some(observed) if slices::matches(&desired, observed) => return None,
            Some(observed) if observed.address_type != desired.address_type => SliceWrite::Delete {
                uid: observed.metadata.uid.clone(),
                resource_version: observed.metadata.resource_version.clone(),
            },
            Some(observed) => SliceWrite::Apply(slices::fenced(desired, observed)),
        };
        if let SliceWrite::Create(slice) | SliceWrite::Apply(slice) = &write {
            self.in_flight.insert(key.clone(), pods_in(slice).collect());
        }
        Some(write)
    }

    pub(super) fn slice_written(&mut self, key: &SliceKey, now: Instant, out: &mut Vec<Effect>) {
        let Some(pods) = self.in_flight.remove(key) else { return };
        self.slice_changed(key, &pods, now, out);
    }

    pub(super) fn slices_listed(&mut self, listed: Vec<Arc<EndpointSlice>>, now: Instant, out: &mut Vec<Effect>) {
        let keys: BTreeSet<_> = listed.iter().map(|slice| slices::key_of(slice)).collect();
        for slice in listed {
            self.slice(slice, now, out);
        }
        for key in self.slices.keys().filter(|key| !keys.contains(*key)).cloned().collect::<Vec<_>>() {
            self.slice_gone(&key, None, now, out);
        }
        self.slices_listed = true;
    }

    pub(super) fn slice(&mut self, slice: Arc<EndpointSlice>, now: Instant, out: &mut Vec<Effect>) {
        let key = slices::key_of(&slice);
        if self.slices.get(&key).is_some_and(|known| is_newer(known, &slice)) {
            return;
        }
        let mut pods: BTreeSet<_> = pods_in(&slice).collect();
        for pod in &pods {
            self.listings.entry(pod.clone()).or_default().insert(key.clone());
        }
        if let Some(before) = self.slices.insert(key.clone(), slice) {
            let gone: Vec<_> = pods_in(&before).filter(|pod| !pods.contains(pod)).collect();
            for pod in gone {
                self.unlist(&pod, &key);
                pods.insert(pod);
            }
        }
        self.slice_changed(&key, &pods, now, out);
    }

    pub(super) fn slice_gone(&mut self, key: &SliceKey, uid: Option<&str>, now: Instant, out: &mut Vec<Effect>) {
        let known = self.slices.get(key).and_then(|slice| slice.metadata.uid.as_deref());
        if uid.is_some() && known != uid {
            return;
        }
        let Some(before) = self.slices.remove(key) else { return };
        let pods: BTreeSet<_> = pods_in(&before).collect();
        for pod in &pods {
            self.unlist(pod, key);
        }
        self.slice_changed(key, &pods, now, out);
    }

    fn unlist(&mut self, pod: &ProxyId, key: &SliceKey) {
        if let Some(keys) = self.listings.get_mut(pod) {
            keys.remove(key);
            if keys.is_empty() {
                self.listings.remove(pod);
            }
        }
    }

    /// Those whose listing may have changed may now be told that they have left; the route may be programmed.
    fn slice_changed(&mut self, key: &SliceKey, pods: &BTreeSet<ProxyId>, now: Instant, out: &mut Vec<Effect>) {
        out.push(Effect::Slice(key.clone()));
        if let Some(id) = self.slice_routes.get(key).cloned() {
            self.settle(&id, now, out);
        }
        for pod in pods {
            if let Some(stream) = self.proxies.get(pod).and_then(|proxy| proxy.stream.as_ref()) {
                out.push(Effect::Wake(stream.id));
            }
        }
    }

    /// The proxy is in a slice of the route, or may come to be by a write under way.
    pub(super) fn is_listed(&self, proxy: &ProxyId, id: &RouteId) -> bool {
        let Some(entry) = self.routes.get(id) else { return false };
        entry.slices.iter().any(|(key, _)| {
            self.listings.get(proxy).is_some_and(|keys| keys.contains(key))
                || self.in_flight.get(key).is_some_and(|pods| pods.contains(proxy))
        })
    }

    /// The proxy is in no slice, and nothing will bring it into one.
    pub(super) fn is_out(&self, proxy: &ProxyId, now: Instant) -> bool {
        let routes = self.proxies.get(proxy).map(|proxy| &proxy.routes);
        !self.listings.contains_key(proxy)
            && !self.in_flight.values().any(|pods| pods.contains(proxy))
            && !routes
                .into_iter()
                .flatten()
                .any(|id| self.routes.get(id).is_some_and(|entry| self.reaches(entry, proxy, now)))
    }

    /// Whether callers of the route shall reach this proxy.
    pub(super) fn reaches(&self, entry: &Entry, id: &ProxyId, now: Instant) -> bool {
        let (Some(route), Some(proxy), Some(view)) = (entry.route(), self.proxies.get(id), entry.views.get(id)) else {
            return false;
        };
        let Some(held) = &view.served else { return false };
        let leaves =
            proxy.leaving_since.is_some_and(|since| self.eligible.is_empty() || now >= since + self.settings.leaving);
        let overdue = tightening::is_overdue(&entry.tightened, held.version, now);
        proxy.pod.ready
            && view.serve
            && held.port == route.port
            && !leaves
            && !overdue
            && self.has_keys(entry, id, now)
            && (entry.chosen.contains(id) || !self.is_released(entry, now))
    }

    /// The slice as it shall be. None: there shall be none, and there is none.
    fn desired_slice(&self, key: &SliceKey, now: Instant) -> Option<EndpointSlice> {
        let wanted = self.slice_routes.get(key).filter(|_| self.begun.is_some());
        if let Some((id, entry)) = wanted.and_then(|id| self.routes.get_key_value(id))
            && let Some(desired) = &entry.desired
            && let Some((_, family)) = entry.slices.iter().find(|(slice, _)| slice == key)
        {
            let reached: Vec<_> = entry.views.keys().filter(|proxy| self.reaches(entry, proxy, now)).collect();
            let auth = reached.iter().filter_map(|proxy| entry.views.get(*proxy)?.loosest()).max();
            let mut endpoints: Vec<(&PodFacts, IpAddr)> = reached
                .iter()
                .filter_map(|proxy| self.pod_facts(proxy))
                .filter_map(|pod| Some((pod, pod.address(family)?)))
                .collect();
            endpoints.sort_by_key(|(_, address)| *address);
            let auth = auth.unwrap_or_else(|| Auth::of(&desired.route));
            let guard = self.guard_of(entry, &reached);
            return Some(slices::desired(id, desired, family, &endpoints, auth, guard.as_ref()));
        }
        let observed = self.slices.get(key).filter(|_| self.pods_listed)?;
        // Before the reconciler knows its routes only dead Pods go; afterwards a slice that no route wants is emptied.
        Some(slices::with_only(observed, |endpoint| {
            self.begun.is_none()
                && slices::target(endpoint).is_some_and(|(uid, address)| {
                    let pod = self.pod_facts(&ProxyId(uid.to_owned()));
                    pod.is_some_and(|pod| pod.addresses.contains(&address))
                })
        }))
    }

    /// Where the route's programming stands: by what proxies said, and by the slices as they are.
    pub(super) fn judge(&self, id: &RouteId, now: Instant) -> Programming {
        let (Some(entry), Some(begun)) = (self.routes.get(id), self.begun) else { return Programming::Pending };
        if let Some(detail) = &entry.invalid {
            return Programming::Refused { detail: detail.clone() };
        }
        if entry.desired.is_none() {
            return Programming::Pending;
        }
        let slices = entry.slices.iter().filter_map(|(key, _)| self.slices.get(key));
        let mut reached = slices.flat_map(|slice| &slice.endpoints).filter_map(slices::target).peekable();
        if reached.peek().is_some() && reached.all(|(uid, _)| self.is_current(entry, &ProxyId(uid.to_owned()), now)) {
            return Programming::Programmed;
        }
        let early = now < begun + self.settings.reconnect;
        let mut served = entry.views.values().filter_map(|view| view.served.as_ref());
        if (early || entry.is_kept()) && served.any(|held| held.version.is_none()) {
            return Programming::Believed;
        }
        let there = |id: &&ProxyId| self.proxies.get(*id).is_some_and(|proxy| proxy.stream.is_some());
        if self.eligible.iter().filter(there).count() == 0 {
            return if early { Programming::Pending } else { Programming::NoReadyProxies };
        }
        match entry.views.keys().find_map(|proxy| self.refusal(entry, proxy)) {
            Some(detail) if !entry.views.keys().any(|proxy| self.stands_in(entry, proxy, now)) => {
                Programming::Refused { detail: detail.to_owned() }
            }
            _ => Programming::Pending,
        }
    }
}

/// The Pods that a slice leads to.
fn pods_in(slice: &EndpointSlice) -> impl Iterator<Item = ProxyId> + '_ {
    slice.endpoints.iter().filter_map(slices::target).map(|(uid, _)| ProxyId(uid.to_owned()))
}

/// What is known is of the same object and later: a watch may tell of the past after an answer told of the present.
fn is_newer(known: &EndpointSlice, other: &EndpointSlice) -> bool {
    let number = |slice: &EndpointSlice| slice.metadata.resource_version.as_ref()?.parse::<u64>().ok();
    known.metadata.uid == other.metadata.uid && number(known) > number(other)
}
