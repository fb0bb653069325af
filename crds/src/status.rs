//! A LambdaRoute's status. Nothing in it changes on every retry: request ids, times and counts belong in Events and metrics.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access_policy::Permission;
use crate::schema;

/// What is true of a LambdaRoute. Written by the controller alone.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LambdaRouteStatus {
    /// The generation of the spec that this status was judged on. -1: the controller has not seen the route yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Where workloads of the cluster call the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub url: Option<String>,

    /// The function's name, with `:alias` where the route has a qualifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub function: Option<String>,

    /// Where in AWS this route has or may have written. Two while the qualifier changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["functionARN"])
    )]
    pub targets: Vec<Target>,

    /// How callers are recognised, by the types of the methods that proxies serve. None: whoever can reach the Service may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub auth: Option<String>,

    /// SHA-256 of what proxies were last told about who may call, how much and with which headers. The Service keeps that itself,
    /// for a new leader and for a suspended route; where it has another digest, it isn't believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71))]
    pub programmed_digest: Option<String>,

    /// The port at the proxies that belongs to this route alone. It stays the route's, whatever somebody writes into the Service's
    /// targetPort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32"))]
    pub port: Option<u16>,

    /// The annotation `lambdaroute.dev/reconcile-at` that was last answered by a look at AWS; SHA-256 of one that is longer than 256
    /// characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_handled_reconcile_at: Option<String>,

    /// The state by aspects; `Ready` sums them up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// One function target: a function, or an alias of it, that this route uses or used.
#[derive(JsonSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The function's ARN, with `:alias` where the route has a qualifier.
    #[serde(rename = "functionARN")]
    #[schemars(length(max = 512))]
    pub function_arn: String,

    /// The function URL, once AWS gave it.
    #[serde(default, rename = "functionURL", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub function_url: Option<String>,

    /// Active, or Releasing while what was made there is being taken back.
    pub state: TargetState,

    /// The URL config's CreationTime, as AWS gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub created_at: Option<String>,

    /// Whose the URL config is. Absent: none has been seen yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,

    /// A digest of the controller's own settings (whom the statements name, the cluster id) at the last complete look. Under other
    /// settings a new leader looks again at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub settings_digest: Option<String>,

    /// What of a LambdaAccessPolicy's permissions this route makes use of here: PublicURL, Grants. Recorded before the first
    /// write that takes it, and kept until that is taken back: once it isn't allowed any more, it is known what has to go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    pub permissions: Vec<Permission>,

    /// The last complete look at AWS; written at most once a drift period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub last_sync_time: Option<Time>,
}

/// Whether a target is in use.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum TargetState {
    /// In use.
    Active,
    /// What was made there is being taken back.
    Releasing,
}

/// Whose a URL config is.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Ownership {
    /// Made by us, and marked so: deleted with the last route.
    Created,
    /// Made by somebody else, kept true by us, never deleted.
    Adopted,
    /// Only read.
    Observed,
    /// Nothing proves that we made it: used if it agrees with the manifest, never changed, never deleted.
    Unproven,
}
