//! The API types of `lambdaroute.dev` and everything that is generated from them: the CRD's YAML and its field reference.
//! The one truth for the schema; no client, no I/O.

// The derive of kube copies each type into a function of its own, where `pub` reaches nobody.
#![allow(unreachable_pub)]

mod access_policy;
mod auth;
pub mod byte_size;
pub mod condition;
mod cors;
mod crd;
mod function_url_cors;
mod header_clash;
mod header_name;
mod namespace_selector;
mod permissions;
mod rate_limits;
mod reference;
mod request_headers;
mod reserved;
mod route;
mod schema;
mod service;
mod source_ranges;
mod spec;
mod status;
pub mod time_span;
mod timeouts;

pub use access_policy::{LambdaAccessPolicy, LambdaAccessPolicySpec, Permission};
pub use auth::{
    AllowedServiceAccount, ApiKey, Auth, AuthMethod, AuthMethodType, ClaimType, Consumer, ForwardClaim, Jwt,
    RequiredClaim, SecretRef, ServiceAccount,
};
pub use cors::Cors;

pub use crd::{crd, crds, yaml};
pub use function_url_cors::FunctionUrlCors;
pub use namespace_selector::{LabelCondition, LabelOperator, NamespaceSelector};
pub use permissions::{PermissionGrant, Permissions, PermissionsManagement};
pub use rate_limits::{Concurrency, LimitKey, LimitKeyType, RateLimit};
pub use reference::reference;
pub use request_headers::{RequestHeaders, SecretKeyRef, SetHeader, ValueFrom};
pub use route::{LambdaRoute, LambdaRouteSpec};
pub use service::Service;
pub use source_ranges::SourceRanges;
pub use spec::{
    AuthType, DeletionPolicy, Function, FunctionUrl, FunctionUrlManagement, InvokeMode, Upstream, UpstreamType,
};
pub use status::{LambdaRouteStatus, Ownership, Target, TargetState};
pub use timeouts::Timeouts;

/// The API group.
pub const GROUP: &str = "lambdaroute.dev";

/// On a LambdaRoute from just before the first write in AWS until everything of ours there is taken back.
pub const FINALIZER: &str = "lambdaroute.dev/cleanup";

/// Every generated file of this crate: its path below `crds/` and its text. A test fails when one is stale.
///
/// # Errors
/// Never in practice; see [`yaml`].
pub fn generated() -> Result<Vec<(&'static str, String)>, serde_yaml_ng::Error> {
    let crds = crds();
    let [routes, access_policies] = &crds;
    Ok(vec![
        ("lambdaroute.dev_lambdaroutes.yaml", yaml(routes)?),
        ("lambdaroute.dev_lambdaaccesspolicies.yaml", yaml(access_policies)?),
        ("README.md", reference(&crds)),
    ])
}
