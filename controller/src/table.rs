//! The route table: what proxies serve, and which of them callers reach. [`RouteTable`] is the handle that everybody
//! shares; what is decided is decided in [`State`], which is pure.

mod begin;
mod event;
mod guard;
mod guarding;
mod identities;
mod incoming;
mod key_set;
mod key_sets;
mod listing;
mod outgoing;
mod piece;
mod pod;
mod pods;
mod proxy;
mod reference;
mod route;
mod settle;
mod sharing;
mod state;
mod tightening;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lambdaroute_proxy_config::v1alpha1::{KeySet, ToProxy};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use event::{Close, Effect, Event, SliceKey, StreamId};
pub use guard::Guard;
pub use listing::SliceWrite;
pub use pod::{PodFacts, ProxyId};
pub use reference::key_sets_of;
pub use state::{Settings, State};
pub use tightening::{Auth, is_tightening};

use crate::programming::{DesiredRoute, Identities, KeySetId, Programming, RouteId};
use crate::subscription::{Subscription, Subscriptions};

/// How long changes of a slice are gathered before it is written.
const GATHER: Duration = Duration::from_millis(100);

/// What a stream's task waits for.
#[derive(Debug)]
pub(crate) struct StreamSignals {
    /// There may be a message.
    pub(crate) wake: Arc<Notify>,
    /// The table wants the stream to end.
    pub(crate) close: watch::Receiver<Option<Close>>,
}

#[derive(Debug)]
struct Signals {
    wake: Arc<Notify>,
    close: watch::Sender<Option<Close>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    streams: Mutex<BTreeMap<StreamId, Signals>>,
    /// Slices to look at, and when.
    slices: Mutex<BTreeMap<SliceKey, Instant>>,
    slices_changed: Notify,
    alarms_changed: Notify,
    pods_changed: watch::Sender<()>,
    subscriptions: Subscriptions,
}

/// The shared handle of the route table.
#[derive(Clone, Debug)]
pub struct RouteTable(Arc<Shared>);

impl RouteTable {
    /// An empty table of a replica that doesn't lead: streams are held until this one leads and is primed.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State::new(settings)),
            streams: Mutex::default(),
            slices: Mutex::default(),
            slices_changed: Notify::new(),
            alarms_changed: Notify::new(),
            pods_changed: watch::Sender::new(()),
            subscriptions: Subscriptions::default(),
        }))
    }

    /// Gives the table every route that this leader knows of, once. Until then no proxy is told anything: it would take
    /// a route that is missing for one that is removed. Slices of routes that aren't among them are emptied.
    pub fn prime(&self, routes: Vec<DesiredRoute>) {
        self.apply(Event::Primed(routes));
    }

    /// Adds or replaces a route. Nothing happens if it is as it was.
    pub fn set(&self, route: DesiredRoute) {
        self.apply(Event::Set(Box::new(route)));
    }

    /// Takes a route away: from its slices at once, then from the proxies.
    pub fn remove(&self, id: &RouteId) {
        self.apply(Event::Remove(id.clone()));
    }

    /// Whether the table has the route, as [`RouteTable::set`] gave it.
    pub fn wants(&self, id: &RouteId) -> bool {
        self.state().wants(id)
    }

    /// Says what keys a key set holds. It goes to the proxies that have a route which refers to it, and may be set before
    /// there is any. Nothing happens if it is as it was.
    pub fn set_key_set(&self, id: KeySetId, keys: KeySet) {
        self.apply(Event::SetKeySet(id, keys));
    }

    /// Says that a key set has no keys: nobody is recognised by it any more. Until one of the two is said, proxies keep what
    /// a former leader gave them.
    pub fn remove_key_set(&self, id: &KeySetId) {
        self.apply(Event::RemoveKeySet(id.clone()));
    }

    /// The key sets that wanted routes refer to, except those that routes bring of their own: what has to be fetched and
    /// followed. [`crate::programming::TableEvent::KeySets`] tells when it changes.
    pub fn wanted_key_sets(&self) -> BTreeSet<KeySetId> {
        self.state().wanted_key_sets()
    }

    /// Those of the wanted key sets that aren't set.
    pub fn missing_key_sets(&self) -> BTreeSet<KeySetId> {
        self.state().missing_key_sets()
    }

    /// Where a route's programming stands.
    pub fn programming(&self, id: &RouteId) -> Programming {
        self.state().programming(id)
    }

    /// After [`RouteTable::remove`]: whether every proxy that had the route has acknowledged the removal, or has lost its
    /// Pod. Only then may its port be another's. [`crate::programming::TableEvent::Programming`] tells when it changes.
    pub fn removed_everywhere(&self, id: &RouteId) -> bool {
        self.state().removed_everywhere(id)
    }

    /// What proxies say of their AWS credentials: those that this route is given to, or, as long as it is given to none, all
    /// that are connected. [`crate::programming::TableEvent::Programming`] and `Identities` tell when it changes.
    pub fn identities(&self, id: &RouteId) -> Identities {
        self.state().identities(id)
    }

    /// Listens to the table's events from now on.
    pub fn subscribe(&self) -> Subscription {
        self.0.subscriptions.subscribe()
    }

    /// How many proxies are connected, and how many routes are wanted.
    pub fn counts(&self) -> (usize, usize) {
        self.state().counts()
    }

    /// Takes in what happened, and does what follows from it.
    pub fn apply(&self, event: Event) {
        let now = Instant::now();
        let pods = matches!(event, Event::Pod(_) | Event::PodsListed(_));
        let effects = {
            let mut state = self.state();
            let before = state.next_alarm();
            let effects = state.apply(event, now.into_std());
            if state.next_alarm() != before {
                self.0.alarms_changed.notify_one();
            }
            effects
        };
        for effect in effects {
            self.carry_out(effect, now);
        }
        if pods {
            self.0.pods_changed.send_replace(());
        }
    }

    fn carry_out(&self, effect: Effect, now: Instant) {
        match effect {
            Effect::Wake(stream) => {
                if let Some(signals) = lock(&self.0.streams).get(&stream) {
                    signals.wake.notify_one();
                }
            }
            Effect::Close(stream, reason) => {
                if let Some(signals) = lock(&self.0.streams).get(&stream) {
                    signals.close.send_replace(Some(reason));
                }
            }
            Effect::Slice(key) => self.check_slice(key, now + GATHER),
            Effect::Tell(event) => self.0.subscriptions.tell(&event),
        }
    }

    /// Has a slice looked at, at `at` or earlier.
    pub(crate) fn check_slice(&self, key: SliceKey, at: Instant) {
        let mut due = lock(&self.0.slices);
        let known = due.entry(key).or_insert(at);
        *known = at.min(*known);
        drop(due);
        self.0.slices_changed.notify_one();
    }

    /// Waits for a slice to look at, and takes it. Can be dropped without loss.
    pub(crate) async fn next_slice(&self) -> SliceKey {
        loop {
            let next = {
                let (mut due, now) = (lock(&self.0.slices), Instant::now());
                if let Some(key) = due.iter().find(|(_, at)| **at <= now).map(|(key, _)| key.clone()) {
                    due.remove(&key);
                    return key;
                }
                due.values().min().copied()
            };
            let changed = self.0.slices_changed.notified();
            match next {
                Some(at) => drop(tokio::time::timeout_at(at, changed).await),
                None => changed.await,
            }
        }
    }

    /// What has to be written for a slice.
    pub(crate) fn slice_write(&self, key: &SliceKey) -> Option<SliceWrite> {
        self.state().slice_write(key, Instant::now().into_std())
    }

    /// Registers a stream's task.
    pub(crate) fn register(&self, stream: StreamId) -> StreamSignals {
        let (wake, (close, closed)) = (Arc::new(Notify::new()), watch::channel(None));
        lock(&self.0.streams).insert(stream, Signals { wake: wake.clone(), close });
        StreamSignals { wake, close: closed }
    }

    /// Ends a stream's registration.
    pub(crate) fn unregister(&self, proxy: &ProxyId, stream: StreamId) {
        lock(&self.0.streams).remove(&stream);
        self.apply(Event::Ended(proxy.clone(), stream));
    }

    /// The next message for a stream, if there is one. It counts as sent.
    pub(crate) fn next_message(&self, proxy: &ProxyId, stream: StreamId) -> Option<ToProxy> {
        self.state().next_message(proxy, stream, Instant::now().into_std())
    }

    /// The Pod with this uid, as soon as the watch has it, if that is before `deadline`.
    pub(crate) async fn pod(&self, id: &ProxyId, deadline: Instant) -> Option<PodFacts> {
        let mut changed = self.0.pods_changed.subscribe();
        loop {
            if let Some(pod) = self.state().pod_facts(id) {
                return Some(pod.clone());
            }
            tokio::time::timeout_at(deadline, changed.changed()).await.ok()?.ok()?;
        }
    }

    /// Lets time pass for the table; never ends.
    pub async fn run_alarms(&self) {
        loop {
            let next = self.state().next_alarm();
            let changed = self.0.alarms_changed.notified();
            match next {
                Some(at) => {
                    if tokio::time::timeout_at(Instant::from_std(at), changed).await.is_err() {
                        self.apply(Event::Tick);
                    }
                }
                None => changed.await,
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
