//! Where keys and secret values come from: Secrets, the issuers of tokens, the cluster itself. [`Sources`] is the handle that
//! everybody shares; what follows from what is decided in [`state`], which is pure. The leader alone follows sources.
//!
//! No value of a Secret is in any log, message or metric, and API keys are kept as digests alone.

pub mod address;
pub mod api_keys;
mod args;
mod cluster_keys;
pub mod discovery;
pub mod fetch_error;
pub mod https;
mod issuers;
pub mod jwks;
mod metrics;
pub mod needs;
pub mod problem;
pub mod refresh;
pub mod secret;
mod secrets;
pub mod state;
pub mod trust;
pub mod unread;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

pub use args::SourceArgs;
pub use fetch_error::FetchError;
pub use metrics::SourceMetrics;
pub use needs::{Issuer, Need, SecretName};
pub use problem::{Problem, resolution};
pub use trust::TrustError;

use crate::access::SecretValue;
use crate::index::Name;
use crate::programming::KeySetId;
use crate::table::RouteTable;
use https::Https;
use state::{Effects, State};

/// What the reconciler is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceEvent {
    /// What these routes refer to has changed.
    Changed(BTreeSet<Name>),
    /// Keys that these routes use can't be fetched again; the former ones are served on.
    RefreshFails(BTreeSet<Name>, Issuer, FetchError),
    /// They can again.
    RefreshWorks(BTreeSet<Name>, Issuer),
}

struct Shared {
    state: Mutex<State>,
    table: RouteTable,
    metrics: SourceMetrics,
    events: mpsc::UnboundedSender<SourceEvent>,
    /// Secrets to read, by namespace that may be read.
    to_read: BTreeMap<String, Mutex<BTreeSet<SecretName>>>,
    asked_to_read: BTreeMap<String, Notify>,
    fetches_changed: Notify,
    /// Told after every change.
    changed: watch::Sender<()>,
}

/// The shared handle of all sources.
#[derive(Clone)]
pub struct Sources(Arc<Shared>);

impl Sources {
    /// Nothing is wanted, nothing is followed yet. The receiver is the reconciler's.
    pub fn new(
        args: &SourceArgs,
        table: RouteTable,
        metrics: SourceMetrics,
    ) -> (Self, mpsc::UnboundedReceiver<SourceEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let permitted: BTreeSet<String> = args.secret_namespace.iter().cloned().collect();
        let shared = Shared {
            state: Mutex::new(State::new(permitted.clone(), args.jwks_refresh_interval)),
            table,
            metrics,
            events,
            to_read: permitted.iter().map(|namespace| (namespace.clone(), Mutex::default())).collect(),
            asked_to_read: permitted.into_iter().map(|namespace| (namespace, Notify::new())).collect(),
            fetches_changed: Notify::new(),
            changed: watch::Sender::new(()),
        };
        (Self(Arc::new(shared)), receiver)
    }

    /// Follows all sources: a watch for each namespace whose Secrets may be read, and the fetches of keys. A task ends with
    /// its name if it must not have ended.
    pub fn follow(&self, client: &Client, args: &SourceArgs, tasks: &mut JoinSet<&'static str>) {
        for namespace in self.0.to_read.keys() {
            tasks.spawn(secrets::follow(client.clone(), namespace.clone(), self.clone()));
        }
        let https = Https::new(args.jwks_ca_file.clone(), args.jwks_private_range.clone());
        tasks.spawn(issuers::follow(client.clone(), https, self.clone()));
    }

    /// A route needs these from now on, and nothing else.
    pub fn want(&self, route: &Name, needs: BTreeSet<Need>) {
        self.change(|state, now| state.want(route, needs, now));
    }

    /// A token named a key that this key set lacks.
    pub fn unknown_key(&self, key_set: &KeySetId) {
        self.change(|state, now| state.unknown_key(key_set, now));
    }

    /// What of these needs can't be used as it is. None: something isn't looked at yet, and nothing is known to be wrong.
    pub fn problems(&self, needs: &BTreeSet<Need>) -> Option<Vec<Problem>> {
        self.state().problems(needs)
    }

    /// A header's value from a Secret. None: see [`Sources::problems`].
    pub fn value(&self, secret: &SecretName, key: &str) -> Option<SecretValue> {
        self.state().value(secret, key)
    }

    /// The cluster's issuer of ServiceAccounts' tokens, once it is known and a route needs it.
    pub fn cluster_issuer(&self) -> Option<String> {
        self.state().cluster_issuer()
    }

    /// Waits until everything that routes can't be told to proxies without was looked for, found or not, for at most `limit`.
    pub async fn settle(&self, limit: Duration) {
        let mut changed = self.0.changed.subscribe();
        let settled = changed.wait_for(|()| self.state().is_settled());
        if tokio::time::timeout(limit, settled).await.is_err() {
            tracing::warn!("not all Secrets that routes refer to could be looked at: routes that need them wait");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    /// Changes the state and carries out what follows. Under the lock, so that two changes reach the table in their order.
    fn change(&self, change: impl FnOnce(&mut State, Instant) -> Effects) {
        let mut state = self.state();
        let Effects { routes, key_sets, read, fetch } = change(&mut state, Instant::now());
        for (need, key_set) in key_sets {
            let Some(id) = need.key_set() else { continue };
            match key_set {
                Some(key_set) => self.0.table.set_key_set(id, key_set),
                None => self.0.table.remove_key_set(&id),
            }
        }
        self.0.metrics.oldest(state.oldest_fetch());
        drop(state);
        for secret in read {
            self.ask_to_read(secret);
        }
        if fetch {
            self.0.fetches_changed.notify_one();
        }
        if !routes.is_empty() {
            self.tell(SourceEvent::Changed(routes));
        }
        self.0.changed.send_replace(());
    }

    fn ask_to_read(&self, secret: SecretName) {
        let namespace = secret.namespace.clone();
        if let (Some(asked), Some(notify)) = (self.0.to_read.get(&namespace), self.0.asked_to_read.get(&namespace)) {
            lock(asked).insert(secret);
            notify.notify_one();
        }
    }

    /// Nobody listens once the reconciler has ended.
    fn tell(&self, event: SourceEvent) {
        let _ = self.0.events.send(event);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
