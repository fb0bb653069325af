//! Who may call: the methods by which a caller is recognised.

mod api_key;
mod jwt;
mod service_account;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use api_key::{ApiKey, Consumer, SecretRef};
pub use jwt::{ClaimType, ForwardClaim, Jwt, RequiredClaim};
pub use service_account::{AllowedServiceAccount, ServiceAccount};

/// How callers are recognised. Any one method that succeeds identifies the caller; with none of them nobody gets in.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// The methods, at least one and at most 8, each by a name of its own.
    #[schemars(
        length(max = 8),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    #[x_kube(
        validation = ("self.size() > 0", "spec.auth.methods is empty, which would let nobody in: give a method, or remove spec.auth")
    )]
    pub methods: Vec<AuthMethod>,
}

/// One way to recognise a caller: `type`, and the member of that name.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.apiKey) == (self.type == 'APIKey') && has(self.jwt) == (self.type == 'JWT') && has(self.serviceAccount) == (self.type == 'ServiceAccount')", "a method of spec.auth.methods has its type and the one member of that name: apiKey with APIKey, jwt with JWT, serviceAccount with ServiceAccount"),
    validation = ("self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", "spec.auth.methods[].name must be a label: lower-case letters, digits and -")
)]
pub struct AuthMethod {
    /// The method's name, unique in the route; the function reads it in `x-lambdaroute-auth`. A label of at most 63 characters.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,

    /// How it recognises callers. APIKey: by a key in a header. JWT: by a bearer token of an identity provider.
    /// ServiceAccount: by a bearer token that this cluster issued to the caller's Pod.
    #[serde(rename = "type")]
    pub type_: AuthMethodType,

    /// With type APIKey: the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKey>,

    /// With type JWT: whose tokens, and what they must say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,

    /// With type ServiceAccount: whom to admit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<ServiceAccount>,
}

/// How callers are recognised.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum AuthMethodType {
    /// By a key in a header.
    APIKey,
    /// By a bearer token of an identity provider.
    JWT,
    /// By a bearer token that this cluster issued to the caller's Pod.
    ServiceAccount,
}

impl AuthMethodType {
    /// The word in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthMethodType::APIKey => "APIKey",
            AuthMethodType::JWT => "JWT",
            AuthMethodType::ServiceAccount => "ServiceAccount",
        }
    }
}
