//! One route in the table: what is wanted, who was chosen, and what each proxy has of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use lambdaroute_proxy_config::cause::Cause;
use lambdaroute_proxy_config::v1alpha1::{LimitShare, Route, Version};
use lambdaroute_proxy_config::validate_route;

use super::event::SliceKey;
use super::guard::{self, Guard};
use super::pod::ProxyId;
use super::tightening::{Auth, Tightened, is_tightening};
use crate::assignment;
use crate::programming::{DesiredRoute, KeySetId, Programming, RouteId};

/// A version of a route that a proxy has or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// None: believed, because a slice that this leader found says so.
    pub(super) version: Option<Version>,
    pub(super) port: u32,
    pub(super) auth: Auth,
    /// The route's own part of its [`Guard`]. None: unguarded.
    pub(super) guard: Option<String>,
}

/// What one proxy has of one route.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// It shall serve the route; else it shall not.
    pub(super) serve: bool,
    /// Since when it shall; every change of what is wanted here has a version of its own.
    pub(super) version: Version,
    /// The last version sent on the present stream.
    pub(super) sent: Option<Version>,
    /// Sent and not answered, oldest first; the proxy may serve any of them.
    pub(super) outstanding: Vec<Held>,
    /// What it serves, as far as it has said or is believed.
    pub(super) served: Option<Held>,
    /// Not chosen any more, and in no slice since then.
    pub(super) unlisted_since: Option<Instant>,
    /// Callers reached it when this was last looked at, and it hasn't lost its table since.
    pub(super) reached: bool,
    /// The key sets that the proxy needs for this route.
    pub(super) key_sets: BTreeSet<KeySetId>,
    /// Those of the version that was sent last.
    pub(super) key_sets_sent: BTreeSet<KeySetId>,
    /// Its shares of the route's limits.
    pub(super) shares: Vec<LimitShare>,
    /// The shares that were sent last on the present stream.
    pub(super) shares_sent: Vec<LimitShare>,
}

/// The most unanswered versions that are remembered for a proxy and route.
const MOST_OUTSTANDING: usize = 16;

impl View {
    pub(super) fn new(serve: bool, version: Version) -> Self {
        Self {
            serve,
            version,
            sent: None,
            outstanding: vec![],
            served: None,
            unlisted_since: None,
            reached: false,
            key_sets: BTreeSet::new(),
            key_sets_sent: BTreeSet::new(),
            shares: vec![],
            shares_sent: vec![],
        }
    }

    /// The proxy was never told of this route, as far as anybody knows.
    pub(super) fn is_blank(&self) -> bool {
        self.sent.is_none() && self.served.is_none() && self.outstanding.is_empty()
    }

    pub(super) fn remember_sent(&mut self, held: Held) {
        self.sent = held.version;
        if self.outstanding.len() == MOST_OUTSTANDING {
            self.outstanding.remove(0);
        }
        self.outstanding.push(held);
    }

    /// Takes what was outstanding up to `version`; the held one of exactly that version, if it was sent.
    pub(super) fn take_answered(&mut self, version: Version) -> Option<Held> {
        let answered = self.outstanding.iter().find(|held| held.version == Some(version)).cloned();
        self.outstanding.retain(|held| held.version > Some(version));
        answered
    }

    /// The loosest of everything that the proxy may serve.
    pub(super) fn loosest(&self) -> Option<Auth> {
        self.served.iter().chain(&self.outstanding).map(|held| held.auth).max()
    }

    /// The one guard that everything has which the proxy may serve.
    pub(super) fn guard(&self) -> Option<String> {
        let mut guards = self.served.iter().chain(&self.outstanding).map(|held| &held.guard);
        let first = guards.next()?;
        first.clone().filter(|_| guards.all(|guard| guard == first))
    }

    /// The proxy begins a stream: what it says it has is all that it has.
    pub(super) fn greet(&mut self, has_table: bool) {
        self.sent = None;
        self.key_sets_sent.clear();
        self.shares_sent.clear();
        if !has_table {
            self.served = None;
            self.outstanding.clear();
            self.reached = false;
        }
    }
}

/// One route. Without `desired` it is removed, and kept until every proxy that has it says that it is gone.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: u64,
    pub(super) desired: Option<DesiredRoute>,
    /// Why no proxy may get it.
    pub(super) invalid: Option<String>,
    pub(super) version: Version,
    pub(super) tightened: Vec<Tightened>,
    pub(super) chosen: BTreeSet<ProxyId>,
    /// The generation of candidates that they were chosen from. None: to be chosen again.
    pub(super) chosen_from: Option<u64>,
    pub(super) views: BTreeMap<ProxyId, View>,
    /// Who refused the present version, and why.
    pub(super) refusals: BTreeMap<ProxyId, String>,
    /// The present version's own part of its [`Guard`]. None: unguarded.
    pub(super) guard: Option<String>,
    /// What the slices told that this leader found, of endpoints that it believed.
    pub(super) found: Option<Guard>,
    /// This leader has found a slice of it.
    pub(super) believed: bool,
    /// The key sets that it refers to.
    pub(super) key_sets: BTreeSet<KeySetId>,
    /// The slices that it shall have.
    pub(super) slices: Vec<(SliceKey, String)>,
    /// What the reconciler was told last.
    pub(super) announced: Programming,
    /// When a cause was told last.
    pub(super) causes: BTreeMap<Cause, Instant>,
}

impl Entry {
    pub(super) fn new(id: &RouteId, version: Version) -> Self {
        Self {
            key: assignment::key(&id.0),
            desired: None,
            invalid: None,
            version,
            tightened: vec![],
            chosen: BTreeSet::new(),
            chosen_from: None,
            views: BTreeMap::new(),
            refusals: BTreeMap::new(),
            guard: None,
            found: None,
            believed: false,
            key_sets: BTreeSet::new(),
            slices: vec![],
            announced: Programming::Pending,
            causes: BTreeMap::new(),
        }
    }

    /// The route, if proxies may have it.
    pub(super) fn route(&self) -> Option<&Route> {
        self.desired.as_ref().filter(|_| self.invalid.is_none()).map(|desired| &desired.route)
    }

    /// Proxies go on with what they have: see [`DesiredRoute::kept`].
    pub(super) fn is_kept(&self) -> bool {
        self.desired.as_ref().is_some_and(|desired| desired.kept)
    }

    /// Takes a new wish. False: nothing that a proxy would notice has changed, and `version` isn't used.
    pub(super) fn want(&mut self, desired: DesiredRoute, version: Version, deadline: Instant) -> bool {
        let old = self.desired.replace(desired);
        let Some(new) = self.desired.as_ref() else { return false };
        if let Some(old) = &old {
            if old.route == new.route && old.kept == new.kept {
                return false;
            }
            if is_tightening(&old.route, &new.route) {
                self.tightened.push(Tightened { version, deadline });
            }
        }
        // A route is judged with exactly the features that it asks for: whether a proxy has them is the proxy's to say.
        let asked = new.route.requires.iter().map(String::as_str).collect();
        self.invalid = validate_route(&new.route, &asked).err().map(|invalid| invalid.to_string());
        self.guard = guard::of_route(&new.route);
        self.version = version;
        self.refusals.clear();
        self.chosen_from = None;
        true
    }

    /// The proxy serves the present version.
    pub(super) fn serves_present(&self, proxy: &str) -> bool {
        let served = self.views.get(proxy).and_then(|view| view.served.as_ref());
        served.is_some_and(|held| held.version >= Some(self.version))
    }
}
