//! Which addresses may call.

use kube::KubeSchema;
use kube::core::Rule;
use serde::{Deserialize, Serialize};

/// Addresses of callers that may call and that may not. `deny` goes before `allow`. What counts is the caller's own address, or,
/// behind proxies that the platform trusts, the one that they report.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.allow) || has(self.deny)", "spec.sourceRanges is empty: give allow or deny, or remove it")
)]
pub struct SourceRanges {
    /// CIDR blocks, IPv4 or IPv6, at most 128: nobody else gets in. Absent: everybody that `deny` doesn't name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(min = 1, max = 43)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.sourceRanges.allow is empty, which would let nobody in: give a CIDR block, or remove it"),
        validation = blocks("spec.sourceRanges.allow")
    )]
    pub allow: Option<Vec<String>>,

    /// CIDR blocks, IPv4 or IPv6, at most 128, that never get in. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(min = 1, max = 43)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.sourceRanges.deny is empty: give a CIDR block, or remove it"),
        validation = blocks("spec.sourceRanges.deny")
    )]
    pub deny: Option<Vec<String>>,
}

fn blocks(field: &str) -> Rule {
    Rule::new("self.all(block, isCIDR(block) && cidr(block) == cidr(block).masked())").message(format!(
        "{field} must be CIDR blocks such as 10.0.0.0/8 or 2001:db8::/32, with no bits set behind the prefix; one address \
         is a block of /32 or /128"
    ).as_str())
}
