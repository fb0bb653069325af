//! Headers towards the function.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::header_name;

/// Headers that are removed from requests and set on them, in this order, after the caller has been recognised.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.set) || has(self.remove)", "spec.requestHeaders is empty: give set or remove, or remove it"),
    validation = ("!has(self.set) || !has(self.remove) || self.set.all(a, !self.remove.exists(b, a.name.lowerAscii() == b.lowerAscii()))", "spec.requestHeaders names a header in set and in remove: leave it in set, which replaces the caller's")
)]
pub struct RequestHeaders {
    /// Headers that every request gets, in place of the caller's of that name. At most 32. Not one of `forwardClaims`, nor
    /// `forwardAuthorizationAs`. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    #[x_kube(
        validation = header_name::once("spec.requestHeaders.set", ".name")
    )]
    pub set: Vec<SetHeader>,

    /// Names of headers that no request keeps. At most 32. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = header_name::list_rule("spec.requestHeaders.remove"),
        validation = ("self.all(a, self.exists_one(b, a.lowerAscii() == b.lowerAscii()))", "spec.requestHeaders.remove names a header twice (names of headers have no case): remove one")
    )]
    pub remove: Vec<String>,
}

/// A header and its value: `value`, or `valueFrom`.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.value) != has(self.valueFrom)", "give exactly one of spec.requestHeaders.set[].value and valueFrom")
)]
pub struct SetHeader {
    /// The header's name, in any case.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = header_name::rule("spec.requestHeaders.set[].name"))]
    pub name: String,

    /// The value, in the manifest: never a secret. Printable ASCII, at most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    #[x_kube(
        validation = ("self.matches('^([!-~]([ -~]*[!-~])?)?$')", "spec.requestHeaders.set[].value must be printable ASCII without spaces at its ends")
    )]
    pub value: Option<String>,

    /// Where the value comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// Where a value comes from.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValueFrom {
    /// A Secret of the route's namespace. Needs the controller's right to read Secrets there; without it the route has
    /// ResolvedRefs=False, RefNotPermitted. The value is kept in memory alone.
    pub secret_key_ref: SecretKeyRef,
}

/// A key of a Secret of the route's namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.name.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')", "spec.requestHeaders.set[].valueFrom.secretKeyRef.name must be the name of a Secret in the route's namespace: lower-case letters, digits, - and ."),
    validation = ("self.key.matches('^[-._a-zA-Z0-9]+$')", "spec.requestHeaders.set[].valueFrom.secretKeyRef.key must be a key of the Secret: letters, digits, -, _ and .")
)]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// The key of its data.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}
