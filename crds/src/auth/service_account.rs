//! Tokens that this cluster issued to Pods.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Projected tokens of the callers' ServiceAccounts, in `Authorization`. Such a token never reaches the function.
/// Source: <https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken>
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    /// The audience that the caller's token must have. Absent: `<service>.<namespace>`. Never one that opens other doors: the
    /// API server's, STS's (sts.amazonaws.com) and LambdaRoute's own (lambdaroute.dev) are refused. At most 253 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(
        validation = ("self != 'sts.amazonaws.com' && self != 'lambdaroute.dev' && !self.matches('^(https://)?kubernetes([.]default([.]svc.*)?)?/?$')", "spec.auth.methods[].serviceAccount.audience opens other doors with the same token (the API server, AWS STS or LambdaRoute itself): leave it out, or give one of this route's own")
    )]
    pub audience: Option<String>,

    /// Whom to admit. One to 64.
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namespace", "name"])
    )]
    #[x_kube(
        validation = ("self.size() > 0", "spec.auth.methods[].serviceAccount.allow is empty, which would let nobody in: name a ServiceAccount")
    )]
    pub allow: Vec<AllowedServiceAccount>,
}

/// A ServiceAccount that may call.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.__namespace__.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", "spec.auth.methods[].serviceAccount.allow[].namespace must be a namespace's name"),
    validation = ("self.name == '*' || self.name.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')", "spec.auth.methods[].serviceAccount.allow[].name must be a ServiceAccount's name, or * for any of the namespace")
)]
pub struct AllowedServiceAccount {
    /// The namespace of the caller's ServiceAccount.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,

    /// The ServiceAccount's name. `*`: any of that namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
