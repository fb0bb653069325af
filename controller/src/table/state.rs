//! The table's state machine: what happened goes in by [`State::apply`], what is to be done comes out. Pure: no clock, no
//! network, no Kubernetes client; the time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use lambdaroute_proxy_config::v1alpha1::Version;

use super::event::{Close, Effect, Event, SliceKey, StreamId};
use super::key_set::{KeySetEntry, Keys, Source};
use super::pod::{PodFacts, ProxyId};
use super::proxy::Proxy;
use super::reference::key_sets_of;
use super::route::Entry;
use crate::programming::{DesiredRoute, Identities, KeySetId, Programming, RouteId};
use crate::slices;

/// The table's settings: how long it waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// On how many proxies a route lives.
    pub proxies_per_route: usize,
    /// How long a proxy may serve a version that a tightening change has superseded.
    pub tightening: Duration,
    /// How long a proxy without a stream still counts as there; also how long a new leader waits for all of them.
    pub reconnect: Duration,
    /// How long a leaving proxy is kept while its routes get replacements.
    pub leaving: Duration,
    /// How long a route waits for key sets that this leader doesn't know yet before it comes to further proxies without them.
    pub key_sets: Duration,
    /// How long a proxy serves a route after it has left the route's slices, so that all nodes have followed.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            proxies_per_route: 4,
            tightening: Duration::from_secs(5),
            reconnect: Duration::from_secs(10),
            leaving: Duration::from_secs(2),
            key_sets: Duration::from_secs(10),
            drain: Duration::from_secs(15),
        }
    }
}

/// When to look again, at what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// Who may get routes may have changed.
    Proxies,
    /// This route.
    Route(RouteId),
    /// The routes of this key set.
    KeySet(KeySetId),
}

/// The whole table.
#[derive(Debug)]
pub struct State {
    pub(super) settings: Settings,
    pub(super) epoch: Option<u64>,
    pub(super) counter: u64,
    pub(super) primed: bool,
    pub(super) pods_listed: bool,
    pub(super) slices_listed: bool,
    /// Since when all of the above is there. Before: nothing is sent, and slices lose dead Pods only.
    pub(super) begun: Option<Instant>,
    pub(super) routes: BTreeMap<RouteId, Entry>,
    pub(super) key_sets: BTreeMap<KeySetId, KeySetEntry>,
    pub(super) proxies: BTreeMap<ProxyId, Proxy>,
    /// Who may get routes.
    pub(super) eligible: BTreeSet<ProxyId>,
    /// Grows with every change of who may get routes, or of what decides among them.
    pub(super) generation: u64,
    pub(super) slices: BTreeMap<SliceKey, Arc<EndpointSlice>>,
    /// The route that shall have a slice of this name.
    pub(super) slice_routes: BTreeMap<SliceKey, RouteId>,
    /// In which observed slices a Pod is.
    pub(super) listings: BTreeMap<ProxyId, BTreeSet<SliceKey>>,
    /// Who may come to be in a slice by a write that hasn't ended.
    pub(super) in_flight: BTreeMap<SliceKey, BTreeSet<ProxyId>>,
    pub(super) alarms: BTreeSet<(Instant, Alarm)>,
    pub(super) identities: Identities,
}

impl State {
    /// An empty table of a replica that doesn't lead.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            epoch: None,
            counter: 0,
            primed: false,
            pods_listed: false,
            slices_listed: false,
            begun: None,
            routes: BTreeMap::new(),
            key_sets: BTreeMap::new(),
            proxies: BTreeMap::new(),
            eligible: BTreeSet::new(),
            generation: 0,
            slices: BTreeMap::new(),
            slice_routes: BTreeMap::new(),
            listings: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            alarms: BTreeSet::new(),
            identities: Identities::default(),
        }
    }

    /// Takes in what happened, and says what is to be done.
    pub fn apply(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let out = &mut effects;
        match event {
            Event::Leading { epoch } => self.epoch = Some(epoch),
            Event::Primed(routes) => {
                for route in routes {
                    self.set(route, now, out);
                }
                self.primed = true;
            }
            Event::Set(route) => self.set(*route, now, out),
            Event::Remove(id) => self.remove(&id, now, out),
            Event::SetKeySet(id, keys) => self.set_keys(&id, Keys::Present(Arc::new(keys)), Source::Told, now, out),
            Event::RemoveKeySet(id) => self.set_keys(&id, Keys::Absent, Source::Told, now, out),
            Event::PodsListed(pods) => self.pods_listed(pods, now, out),
            Event::Pod(pod) => self.pod(pod, now, out),
            Event::PodGone(id) => self.pod_gone(&id, now, out),
            Event::SlicesListed(listed) => self.slices_listed(listed, now, out),
            Event::Slice(slice) => self.slice(slice, now, out),
            Event::SliceGone(key, uid) => self.slice_gone(&key, uid.as_deref(), now, out),
            Event::SliceWritten(key) => self.slice_written(&key, now, out),
            Event::Hello { proxy, stream, features, table_version } => {
                self.hello(&proxy, stream, features, table_version, now, out);
            }
            Event::Ack(proxy, stream, outcomes) => self.ack(&proxy, stream, outcomes, now, out),
            Event::Report(proxy, stream, report) => self.report(&proxy, stream, report, now, out),
            Event::Leaving(proxy, stream) => self.leaving(&proxy, stream, now, out),
            Event::Ended(proxy, stream) => self.ended(&proxy, stream, now, out),
            Event::Tick => {}
        }
        self.begin(now, out);
        self.ring(now, out);
        self.wake_leaving(out);
        effects
    }

    /// When [`Event::Tick`] is due.
    pub fn next_alarm(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// Where a route's programming stands.
    pub fn programming(&self, id: &RouteId) -> Programming {
        self.routes.get(id).map_or(Programming::Pending, |entry| entry.announced.clone())
    }

    /// Whether the route is wanted.
    pub fn wants(&self, id: &RouteId) -> bool {
        self.routes.get(id).is_some_and(|entry| entry.desired.is_some())
    }

    /// Whether no proxy can have this route any more. False until this leader has begun.
    pub fn removed_everywhere(&self, id: &RouteId) -> bool {
        self.begun.is_some() && !self.routes.contains_key(id)
    }

    /// The Pod of a proxy, by uid.
    pub fn pod_facts(&self, id: &ProxyId) -> Option<&PodFacts> {
        self.proxies.get(id).map(|proxy| &proxy.pod)
    }

    pub(super) fn next_version(&mut self) -> Version {
        self.counter += 1;
        self.version()
    }

    /// The version of the whole table.
    pub(super) fn version(&self) -> Version {
        Version { epoch: self.epoch.unwrap_or(0), counter: self.counter }
    }

    fn set(&mut self, desired: DesiredRoute, now: Instant, out: &mut Vec<Effect>) {
        let id = desired.id.clone();
        let version = self.next_version();
        self.routes.entry(id.clone()).or_insert_with(|| Entry::new(&id, version));
        self.use_key_sets(&id, &key_sets_of(&desired.route), &desired.key_sets, now, out);
        let Some(entry) = self.routes.get_mut(&id) else { return };
        let wanted: Vec<_> = desired
            .service
            .ip_families
            .iter()
            .map(|family| (slices::key(&desired.service, family), family.clone()))
            .collect();
        let before = std::mem::replace(&mut entry.slices, wanted.clone());
        entry.want(desired, version, now + self.settings.tightening);
        for (key, _) in &before {
            self.slice_routes.remove(key);
            out.push(Effect::Slice(key.clone()));
        }
        for (key, _) in wanted {
            self.slice_routes.insert(key, id.clone());
        }
        self.settle(&id, now, out);
    }

    /// Who has the route is told; who may have it without this leader's knowledge too.
    fn remove(&mut self, id: &RouteId, now: Instant, out: &mut Vec<Effect>) {
        let version = self.next_version();
        let known = self.routes.contains_key(id);
        self.use_key_sets(id, &BTreeSet::new(), &BTreeMap::new(), now, out);
        let entry = self.routes.entry(id.clone()).or_insert_with(|| Entry::new(id, version));
        if known && entry.desired.is_none() {
            return;
        }
        entry.desired = None;
        entry.chosen_from = None;
        entry.version = version;
        for (key, _) in std::mem::take(&mut entry.slices) {
            self.slice_routes.remove(&key);
            out.push(Effect::Slice(key));
        }
        self.suspect(id, known);
        self.settle(id, now, out);
    }

    /// Everything again whose time has come.
    fn ring(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let due = self.alarms.iter().take_while(|(at, _)| *at <= now).count();
        for _ in 0..due {
            match self.alarms.pop_first() {
                Some((_, Alarm::Proxies)) => {
                    self.refresh_eligible(now);
                    self.settle_all(now, out);
                }
                Some((_, Alarm::Route(id))) => self.settle(&id, now, out),
                Some((_, Alarm::KeySet(id))) => self.settle_key_set(&id, now, out),
                None => break,
            }
        }
    }

    pub(super) fn close(&mut self, id: &ProxyId, reason: Close, out: &mut Vec<Effect>) {
        if let Some(stream) = self.proxies.get_mut(id).and_then(|proxy| proxy.stream.take()) {
            out.push(Effect::Close(stream.id, reason));
        }
    }

    pub(super) fn mark(&mut self, proxy: &ProxyId, id: &RouteId, out: &mut Vec<Effect>) {
        if let Some(stream) = self.proxies.get_mut(proxy).and_then(|proxy| proxy.stream.as_mut()) {
            stream.dirty.insert(id.clone());
            out.push(Effect::Wake(stream.id));
        }
    }

    /// How many proxies have a stream, and how many routes are wanted; for metrics.
    pub fn counts(&self) -> (usize, usize) {
        let proxies = self.proxies.values().filter(|proxy| proxy.stream.is_some()).count();
        (proxies, self.routes.values().filter(|entry| entry.desired.is_some()).count())
    }

    pub(super) fn stream_id(&self, proxy: &ProxyId) -> Option<StreamId> {
        self.proxies.get(proxy).and_then(|proxy| proxy.stream.as_ref()).map(|stream| stream.id)
    }
}
