//! API keys: digests in the manifest, or keys in Secrets of the route's namespace.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::header_name;

/// API keys, each of a consumer. Only their SHA-256 digests reach proxies; the key's header never reaches the function.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.secretRefs) || has(self.consumers)", "spec.auth.methods[].apiKey has no keys, which would let nobody in: give consumers or secretRefs")
)]
pub struct ApiKey {
    /// The header that carries the key, in any case. Absent: x-api-key. At most 128 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = header_name::rule("spec.auth.methods[].apiKey.header"))]
    pub header: Option<String>,

    /// Secrets of the route's namespace, at most 16: each data key is a consumer's name, its value API keys of at least 16
    /// characters, one a line. Needs the controller's right to read Secrets there; without it the route has
    /// ResolvedRefs=False, RefNotPermitted. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub secret_refs: Vec<SecretRef>,

    /// Consumers with the digests of their keys, which needs no Secret. At most 64. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub consumers: Vec<Consumer>,
}

/// A Secret of the route's namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.name.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')", "spec.auth.methods[].apiKey.secretRefs[].name must be the name of a Secret in the route's namespace: lower-case letters, digits, - and .")
)]
pub struct SecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A consumer: somebody who calls with a key.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.name.matches('^[-._a-zA-Z0-9]+$')", "spec.auth.methods[].apiKey.consumers[].name must be of letters, digits, -, _ and .")
)]
pub struct Consumer {
    /// The consumer's name; the function reads it in `x-lambdaroute-consumer`. Letters, digits, `-`, `_` and `.`, at most 253, as
    /// a data key of a Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// SHA-256 digests of the consumer's keys, `sha256:` and 64 hex digits in lower case: one to 8, so that a key can be
    /// replaced without a gap. Made by `printf %s "$KEY" | sha256sum`; the key should be at least 16 random characters.
    #[schemars(length(max = 8), inner(length(max = 71)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.auth.methods[].apiKey.consumers[].digests is empty: give the digest of a key, or remove the consumer"),
        validation = ("self.all(digest, digest.matches('^sha256:[0-9a-f]{64}$'))", "spec.auth.methods[].apiKey.consumers[].digests must be sha256: and 64 hex digits in lower case, as printf %s \"$KEY\" | sha256sum gives them; a key itself never belongs here")
    )]
    pub digests: Vec<String>,
}
