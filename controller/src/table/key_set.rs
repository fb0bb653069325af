//! One key set in the table: its keys, as far as this leader knows them, and the routes that use it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{KeySet, Version};

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

/// A key set: there is one for every id that was set, or that a wanted route refers to.
#[derive(Clone, Debug, Default)]
pub(super) struct KeySetEntry {
    pub(super) keys: Keys,
    /// Of the present keys.
    pub(super) version: Version,
    /// The wanted routes that refer to it.
    pub(super) users: BTreeSet<RouteId>,
    /// The route that brings it of its own.
    pub(super) owner: Option<RouteId>,
    /// When it was last told to be old.
    pub(super) stale_told: Option<Instant>,
}

impl KeySetEntry {
    /// Somebody has to see to it: a wanted route refers to it and doesn't bring it.
    pub(super) fn is_wanted(&self) -> bool {
        self.owner.is_none() && !self.users.is_empty()
    }

    /// It is wanted, and isn't there.
    pub(super) fn is_missing(&self) -> bool {
        self.is_wanted() && !matches!(self.keys, Keys::Present(_))
    }

    /// Wanted, missing.
    pub(super) fn standing(&self) -> (bool, bool) {
        (self.is_wanted(), self.is_missing())
    }
}
