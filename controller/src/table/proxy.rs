//! One proxy: its Pod, its stream, and how far that is.

use std::collections::BTreeSet;
use std::time::Instant;

use super::event::StreamId;
use super::pod::PodFacts;
use crate::assignment;
use crate::programming::{KeySetId, RouteId};

/// How far a stream is.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Nothing was sent yet.
    Greeted,
    /// In the snapshot; these routes haven't been looked at yet.
    Snapshot(BTreeSet<RouteId>),
    /// The snapshot is sent; changes follow.
    Live,
}

/// A proxy's present stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) phase: Phase,
    /// Routes that may have something to send: at most one mark per route, however often it changes.
    pub(super) dirty: BTreeSet<RouteId>,
    /// Key sets that may have to be sent or taken away.
    pub(super) dirty_key_sets: BTreeSet<KeySetId>,
    pub(super) left_sent: bool,
}

/// What a proxy says of its AWS credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    Arn(String),
    /// There are some; why it can't be told whose.
    Unidentified(String),
    /// Why there are none.
    Missing(String),
}

/// A proxy: there is one for every Pod, and none without.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) pod: PodFacts,
    pub(super) key: u64,
    pub(super) features: BTreeSet<String>,
    pub(super) stream: Option<Stream>,
    /// Its last stream ended then (or this leader began then): for a while it counts as there.
    pub(super) lost_at: Option<Instant>,
    /// Its last hello named a table.
    pub(super) had_table: bool,
    /// It has said hello to this leader.
    pub(super) heard: bool,
    /// It said that it leaves, or its Pod is being deleted.
    pub(super) leaving_since: Option<Instant>,
    pub(super) credentials: Option<Credentials>,
    /// The routes that it has a view of.
    pub(super) routes: BTreeSet<RouteId>,
    /// The key sets that it has a view of.
    pub(super) key_sets: BTreeSet<KeySetId>,
}

impl Proxy {
    pub(super) fn new(pod: PodFacts) -> Self {
        Self {
            key: assignment::key(&pod.id.0),
            pod,
            features: BTreeSet::new(),
            stream: None,
            lost_at: None,
            heard: false,
            had_table: false,
            leaving_since: None,
            credentials: None,
            routes: BTreeSet::new(),
            key_sets: BTreeSet::new(),
        }
    }

    pub(super) fn has_stream(&self, id: StreamId) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.id == id)
    }

    pub(super) fn has_features(&self, requires: &[String]) -> bool {
        requires.iter().all(|feature| self.features.contains(feature))
    }
}
