//! The seam between the reconciler, which decides what each route is, and the route table, which brings it to proxies.
//! Values only: no I/O, no clock.

use std::collections::BTreeMap;
use std::fmt;

use lambdaroute_proxy_config::v1alpha1::{KeySet, Route};

/// A LambdaRoute's uid: a route that is deleted and made again under the same name is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub String);

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a key set, as routes refer to it (`auth.methods` of a [`Route`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeySetId(pub String);

impl fmt::Display for KeySetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The Service that a route's EndpointSlices belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRef {
    /// In the route's namespace.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
    /// The slices' owner reference carries it, so that they never outlive this Service or join another one.
    pub uid: String,
    /// The name of the Service's port; the slices' port must bear the same.
    pub port_name: String,
    /// `IPv4`, `IPv6`: one EndpointSlice for each.
    pub ip_families: Vec<String>,
}

/// What the reconciler wants programmed for one route.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredRoute {
    /// The LambdaRoute's uid.
    pub id: RouteId,
    /// Where its endpoints go.
    pub service: ServiceRef,
    /// What proxies get; its `port` is the slices' port.
    pub route: Route,
    /// Key sets that this route brings of its own: those whose keys are in its manifest. Their ids are this route's alone;
    /// they come, change and go with it. Others are told by [`crate::table::RouteTable::set_key_set`].
    pub key_sets: BTreeMap<KeySetId, KeySet>,
    /// Something that it refers to isn't there: what proxies have of it goes on, with its present keys and shares, and `route`
    /// itself, which holds stand-ins, is never sent. Only for routes that a new leader begins with.
    pub kept: bool,
}

/// Where a route's programming stands; `Programmed` in its status follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Programming {
    /// This leader has just begun, and believes the endpoints that it found: no proxy has said otherwise. Nothing new is
    /// known, and what status says goes on, so that a change of leader rewrites no status.
    Believed,
    /// Assigned proxies haven't answered yet.
    Pending,
    /// No proxy is connected and ready.
    NoReadyProxies,
    /// Every assigned proxy that answered refused the present version.
    Refused {
        /// The proxy's words: what is missing and what to do.
        detail: String,
    },
    /// At least one ready proxy serves the present version, and no other one that callers can reach serves an older.
    Programmed,
}

/// What the table tells the reconciler.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableEvent {
    /// [`Programming`] of this route, or the [`Identities`] of who serves it, may have changed.
    Programming(RouteId),
    /// A proxy reported refusals of this cause by AWS for this route; look at its target once, soon.
    UpstreamCause {
        /// The route.
        id: RouteId,
        /// `lambda_access_denied` or `function_url_gone`.
        cause: lambdaroute_proxy_config::cause::Cause,
    },
    /// What proxies say of their AWS credentials has changed; see [`Identities`].
    Identities,
    /// Which key sets wanted routes refer to has changed, or which of them aren't set; see
    /// [`crate::table::RouteTable::wanted_key_sets`].
    KeySets,
    /// A proxy met a token of the right issuer that names a key which this key set lacks: it may be old. Told at most once a
    /// minute for a key set, however many proxies say so.
    StaleKeySet(KeySetId),
}

/// What proxies say of their AWS credentials, for `CredentialsReady`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// ARNs as STS names them (`arn:aws:sts::111122223333:assumed-role/proxies/session`), each once, sorted.
    pub arns: Vec<String>,
    /// Why it can't be told whose a proxy's are, each text once, sorted. Calls are signed with them all the same.
    pub unidentified: Vec<String>,
    /// Why a proxy has none, each text once, sorted.
    pub missing: Vec<String>,
}
