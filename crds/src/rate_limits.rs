//! How much a route may be called: rate limits and requests in flight.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{header_name, time_span};

/// A rate limit: `requests` in `interval`, spread evenly, of which `burst` may come at once. The route's total over all proxies.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", "spec.rateLimits[].name must be a label: lower-case letters, digits and -")
)]
pub struct RateLimit {
    /// The limit's name, unique in the route; callers read it in `RateLimit-Policy`. A label of at most 63 characters.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,

    /// Requests per interval. 1 to 1,000,000.
    #[schemars(range(min = 1, max = 1_000_000), extend("format" = "int32"))]
    pub requests: u32,

    /// The interval, a duration from 1s to 1h.
    #[schemars(length(max = time_span::MAX_LENGTH))]
    #[x_kube(validation = time_span::rule("spec.rateLimits[].interval", "1s", "1h"))]
    pub interval: String,

    /// The most requests at once. 1 to 1,000,000. Absent: as `requests`. The route lives on no more proxies than this: with 1 on
    /// one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), extend("format" = "int32"))]
    pub burst: Option<u32>,

    /// One bucket for each combination of what these give, at most 4. Absent or empty: one bucket for the route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "atomic"))]
    #[x_kube(
        validation = ("self.all(a, self.exists_one(b, a == b))", "spec.rateLimits[].keys names a key twice: remove one")
    )]
    pub keys: Vec<LimitKey>,
}

/// What tells one bucket from another: `type`, with Header and Claim the member of that name.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.header) == (self.type == 'Header') && has(self.claim) == (self.type == 'Claim')", "a key of spec.rateLimits[].keys has its type and, with Header and Claim, the member of that name: header with Header, claim with Claim")
)]
pub struct LimitKey {
    /// Consumer: who the caller was recognised as; needs `auth`. SourceIP: the caller's address, of IPv6 its /64. Header: a
    /// header of the request. Claim: a claim of the caller's token; needs a method of type JWT in `auth`.
    #[serde(rename = "type")]
    pub type_: LimitKeyType,

    /// With type Header: its name, in any case. A caller chooses its value: limit by it only what can't be evaded so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = header_name::rule("spec.rateLimits[].keys[].header"))]
    pub header: Option<String>,

    /// With type Claim: its name, at the top level of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub claim: Option<String>,
}

/// What tells one bucket from another.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum LimitKeyType {
    /// Who the caller was recognised as.
    Consumer,
    /// The caller's address.
    SourceIP,
    /// A header of the request.
    Header,
    /// A claim of the caller's token.
    Claim,
}

/// Requests in flight.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concurrency {
    /// The most requests in flight, the route's total over all proxies: above it the answer is 503 `concurrency_limited`, nothing
    /// is queued. 1 to 1,000,000. The route lives on no more proxies than this: with 1 on one alone.
    #[schemars(range(min = 1, max = 1_000_000), extend("format" = "int32"))]
    pub max: u32,
}
