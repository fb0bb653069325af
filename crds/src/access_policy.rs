//! The kind LambdaAccessPolicy: what the platform team lets namespaces do with which functions.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::namespace_selector::NamespaceSelector;

/// Lets namespaces use Lambda functions, and what else they may do with them. RBAC can't see the fields of a LambdaRoute, and
/// the controller's rights in AWS are larger than any tenant's. While there is no object of this kind, every namespace may use
/// every function of the controller's own account in the ordinary way, and nothing of `allow`; with the controller's
/// `--require-access-policy` (chart: `accessPolicy.required`) nobody may use any. As soon as there is one, a
/// namespace may do what some object says, and nothing else. Objects add up; none takes away what another gives.
#[allow(clippy::duplicated_attributes, reason = "columns of one type are not the same attribute")]
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "lambdaroute.dev",
    version = "v1alpha1",
    kind = "LambdaAccessPolicy",
    plural = "lambdaaccesspolicies",
    derive = "PartialEq",
    shortname = "lap",
    category = "aws",
    category = "lambdaroutes",
    doc = "LambdaAccessPolicy says which namespaces may use which Lambda functions, and who may publish, adopt or share them.",
    printcolumn(name = "Functions", type_ = "string", json_path = ".spec.functions", description = "Which functions"),
    printcolumn(
        name = "Allow",
        type_ = "string",
        json_path = ".spec.allow",
        description = "What besides ordinary use"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct LambdaAccessPolicySpec {
    /// Which namespaces, by their labels. The label `kubernetes.io/metadata.name`, which the API server sets, is a namespace's
    /// name; that it exists is true of all. Empty is refused: it never means all.
    pub namespace_selector: NamespaceSelector,

    /// Which functions: patterns of ARNs, at least one and at most 128. `*` stands for anything within a part between two
    /// colons. Without `:ALIAS` behind the name: the function with all its aliases; with it: these aliases alone; with
    /// `:$LATEST`: the function without an alias alone.
    #[schemars(length(max = 128), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.functions is empty, which would let nobody in: give the ARN of a function"),
        validation = (r"self.all(pattern, pattern.matches('^arn:[a-z0-9*-]+:lambda:[a-z0-9*-]+:[0-9*]+:function:[a-zA-Z0-9_*-]+(:([a-zA-Z0-9_*-]+|[$]LATEST))?$'))", "spec.functions must be ARNs of functions such as arn:aws:lambda:eu-west-1:111122223333:function:shop-*, with :ALIAS behind them to name qualifiers; * stands for anything within a part")
    )]
    pub functions: Vec<String>,

    /// What these namespaces may do with these functions besides ordinary use: with AWS_IAM, by a URL of LambdaRoute's own
    /// making or one that is only observed, without grants. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(validation = ("self.size() > 0", "spec.allow is empty: remove it, which allows ordinary use alone"))]
    pub allow: Option<Vec<Permission>>,
}

/// PublicURL: authType NONE, which makes a function callable by anybody on the internet. Adopt: to take over a function URL that
/// exists. Grants: to let other principals than the proxies call it. CrossAccount: functions of another account than the
/// controller's; this version refuses such routes (UnsupportedValue) whatever is allowed.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Permission {
    /// authType NONE.
    PublicURL,
    /// Taking over a function URL that exists.
    Adopt,
    /// Statements for other principals than the proxies.
    Grants,
    /// Functions of another account than the controller's.
    CrossAccount,
}

impl Permission {
    /// As a policy spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::PublicURL => "PublicURL",
            Permission::Adopt => "Adopt",
            Permission::Grants => "Grants",
            Permission::CrossAccount => "CrossAccount",
        }
    }
}
