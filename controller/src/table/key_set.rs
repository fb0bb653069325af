//! One key set in the table: its keys, as far as this leader knows them, the routes that use it, and what each proxy has of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{KeySet, Version};

use super::pod::ProxyId;
use super::tightening::{Tightened, only_adds};
use crate::programming::RouteId;

/// What this leader knows of a key set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Keys {
    /// Nothing yet: proxies keep what a former leader gave them.
    #[default]
    Unknown,
    /// These.
    Present(Arc<KeySet>),
    /// There is none: nobody is recognised by it.
    Absent,
}

impl Keys {
    /// Whether the step to `next` may take somebody's right away. What proxies had before this leader isn't known here.
    fn tightens_to(&self, next: &Keys) -> bool {
        match (self, next) {
            (Keys::Absent, _) => false,
            (Keys::Present(old), Keys::Present(new)) => !only_adds(old, new),
            (Keys::Unknown | Keys::Present(_), _) => true,
        }
    }
}

/// Where a key set's keys come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Nobody has said anything, or who said it has gone.
    #[default]
    Nobody,
    /// The reconciler, by id.
    Told,
    /// The route that brings it of its own.
    Route(RouteId),
}

/// What one proxy has of a key set.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySetView {
    /// The proxy's routes that use it. None: the proxy doesn't need it any more.
    pub(super) routes: BTreeSet<RouteId>,
    /// The last version sent on the present stream.
    pub(super) sent: Option<Version>,
    /// This leader has ever sent it. Before, the proxy has what a former one sent, or nothing.
    pub(super) given: bool,
    /// The version that it said to have.
    pub(super) served: Option<Version>,
}

/// A key set: there is one for every id that was told, that a wanted route refers to, or that a proxy still has.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySetEntry {
    pub(super) keys: Keys,
    pub(super) source: Source,
    /// Of the present keys.
    pub(super) version: Version,
    /// Of the present keys, see [`super::guard`].
    pub(super) digest: String,
    pub(super) tightened: Vec<Tightened>,
    /// When the present keys came; none: before this leader began.
    pub(super) changed: Option<Instant>,
    /// Until then, routes don't come to further proxies while the keys are unknown.
    pub(super) hold_until: Option<Instant>,
    /// The wanted routes that refer to it.
    pub(super) users: BTreeSet<RouteId>,
    pub(super) views: BTreeMap<ProxyId, KeySetView>,
    /// Who refused the present version, and why.
    pub(super) refusals: BTreeMap<ProxyId, String>,
    /// When it was last told to be old.
    pub(super) stale_told: Option<Instant>,
}

impl KeySetEntry {
    /// Takes other keys. False: they are as they were, and `version` isn't used.
    pub(super) fn take(&mut self, keys: Keys, version: Version, now: Instant, deadline: Option<Instant>) -> bool {
        if self.keys == keys {
            return false;
        }
        if let Some(deadline) = deadline.filter(|_| self.keys.tightens_to(&keys)) {
            self.tightened.push(Tightened { version, deadline });
        }
        self.digest = match &keys {
            Keys::Present(keys) => super::guard::of_keys(keys),
            Keys::Unknown | Keys::Absent => String::new(),
        };
        self.keys = keys;
        self.version = version;
        self.changed = deadline.map(|_| now);
        self.refusals.clear();
        true
    }

    /// Somebody has to see to it: a wanted route refers to it and doesn't bring it.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(self.source, Source::Route(_)) && !self.users.is_empty()
    }

    /// It is wanted, and isn't there.
    pub(super) fn is_missing(&self) -> bool {
        self.is_wanted() && !matches!(self.keys, Keys::Present(_))
    }

    /// Wanted, missing.
    pub(super) fn standing(&self) -> (bool, bool) {
        (self.is_wanted(), self.is_missing())
    }

    /// Neither a route nor a proxy has to do with it, and nobody has said what it holds.
    pub(super) fn is_idle(&self) -> bool {
        let said = match self.source {
            Source::Nobody => false,
            Source::Told => matches!(self.keys, Keys::Present(_)),
            Source::Route(_) => true,
        };
        self.users.is_empty() && self.views.is_empty() && !said
    }
}
