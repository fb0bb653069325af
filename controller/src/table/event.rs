//! What happens to the table, and what it wants done in turn. Values only.

use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use lambdaroute_proxy_config::v1alpha1::{KeySet, Outcome, Report, Version};

use super::pod::{PodFacts, ProxyId};
use crate::programming::{DesiredRoute, KeySetId, RouteId, TableEvent};

/// One stream of a proxy; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// An EndpointSlice by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// This replica leads now.
    Leading {
        /// The Lease's transitions.
        epoch: u64,
    },
    /// The reconciler has told every route that it knows.
    Primed(Vec<DesiredRoute>),
    /// A route is wanted so.
    Set(Box<DesiredRoute>),
    /// A route is wanted no more.
    Remove(RouteId),
    /// A key set holds these keys.
    SetKeySet(KeySetId, KeySet),
    /// A key set has no keys any more.
    RemoveKeySet(KeySetId),
    /// The Pods were listed: there are no others.
    PodsListed(Vec<PodFacts>),
    /// A Pod is there or has changed.
    Pod(PodFacts),
    /// A Pod is gone.
    PodGone(ProxyId),
    /// Our EndpointSlices were listed: there are no others.
    SlicesListed(Vec<Arc<EndpointSlice>>),
    /// One of our EndpointSlices is there or has changed.
    Slice(Arc<EndpointSlice>),
    /// An EndpointSlice is gone; with its uid, where known.
    SliceGone(SliceKey, Option<String>),
    /// A write of this slice has ended, well or not.
    SliceWritten(SliceKey),
    /// A proxy's stream began, and it said hello.
    Hello {
        /// The proxy.
        proxy: ProxyId,
        /// Its stream.
        stream: StreamId,
        /// What it understands.
        features: Vec<String>,
        /// What it serves.
        table_version: Option<Version>,
    },
    /// A proxy's answers.
    Ack(ProxyId, StreamId, Vec<Outcome>),
    /// What a proxy says of its credentials, its refusals, and key sets that may be old.
    Report(ProxyId, StreamId, Report),
    /// A proxy wants to leave.
    Leaving(ProxyId, StreamId),
    /// A stream has ended.
    Ended(ProxyId, StreamId),
    /// Time has passed.
    Tick,
}

/// Why the table ends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The proxy's Pod has a newer stream.
    Replaced,
    /// The proxy's Pod is gone.
    PodGone,
    /// The proxy follows a later leader: this replica has lost the Lease without knowing it yet.
    Superseded,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// There may be a message for this stream.
    Wake(StreamId),
    /// End this stream.
    Close(StreamId, Close),
    /// This slice may not be as it should be.
    Slice(SliceKey),
    /// Tell the reconciler.
    Tell(TableEvent),
}
