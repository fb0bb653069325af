//! The function's resource policy: who else may call, and whether it is written at all.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The function's resource policy.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// See [`PermissionsManagement`], whose description the schema takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<PermissionsManagement>,

    /// Who may call the function URL besides the proxies, who always may. One to 32, each by a name of its own. Each is a pair of
    /// statements (`lambda:InvokeFunctionUrl` and `lambda:InvokeFunction` through the URL). Absent: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    #[x_kube(
        validation = ("self.size() > 0", "spec.permissions.grants is empty: give a grant, or remove it")
    )]
    pub grants: Option<Vec<PermissionGrant>>,
}

/// Whether permission statements are written. Managed: what calls need is added, kept and taken back; statements of others are
/// never touched. Observe: the policy is only read, and what is missing is told in PermissionsReady; needs
/// `upstream.functionURL.management` Adopt or Observe. Absent: Managed.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub enum PermissionsManagement {
    /// Kept true.
    #[default]
    Managed,
    /// Only read.
    Observe,
}

/// Somebody who may call the function URL, by way of AWS, not of the proxies. Conditions as AddPermission has them.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html>
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("self.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')", "spec.permissions.grants[].name must be a label: lower-case letters, digits and -"),
    validation = ("self.principal == '*' || self.principal.matches('^[0-9]{12}$') || self.principal.matches('^arn:aws:iam::[0-9]{12}:(role|user)/[a-zA-Z0-9+=,.@_/-]+$') || self.principal.matches('^[a-z0-9-]+([.][a-z0-9-]+)*[.]amazonaws[.]com$')", "spec.permissions.grants[].principal must be the ARN of an IAM role or user, the 12 digits of an account in quotes, an AWS service such as cloudfront.amazonaws.com, or * for anybody"),
    validation = ("self.principal.endsWith('.amazonaws.com') == (has(self.sourceARN) || has(self.sourceAccount))", "spec.permissions.grants[]: a service needs sourceARN or sourceAccount, since it acts for any customer of AWS; for any other principal remove them, which no call of it could meet"),
    validation = ("!has(self.principalOrgID) || (self.principal != '*' && !self.principal.endsWith('.amazonaws.com'))", "spec.permissions.grants[].principalOrgID goes with a role, a user or an account: a service and an anonymous caller are in no organization"),
    validation = ("!has(self.sourceARN) || self.sourceARN.matches('^arn:aws:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12})?:[!-~]+$')", "spec.permissions.grants[].sourceARN must be an ARN, such as arn:aws:cloudfront::111122223333:distribution/E1EXAMPLE"),
    validation = ("!has(self.sourceAccount) || self.sourceAccount.matches('^[0-9]{12}$')", "spec.permissions.grants[].sourceAccount must be the 12 digits of an AWS account, in quotes"),
    validation = ("!has(self.principalOrgID) || self.principalOrgID.matches('^o-[a-z0-9]{10,32}$')", "spec.permissions.grants[].principalOrgID must be an organization's id, such as o-a1b2c3d4e5")
)]
pub struct PermissionGrant {
    /// The grant's name, unique in the route; messages use it. A label of at most 63 characters.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,

    /// Who: the ARN of an IAM role or user, the 12 digits of an account (its own IAM policies then decide who of it), an AWS
    /// service, or `*`: anybody, with `upstream.functionURL.authType` NONE only. At most 640 characters.
    #[schemars(length(min = 1, max = 640))]
    pub principal: String,

    /// With a service: the resource in whose name it calls, an ARN; `*` and `?` match within it. At most 512 characters. Absent:
    /// any of `sourceAccount`.
    #[serde(default, rename = "sourceARN", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub source_arn: Option<String>,

    /// With a service: the account that the resource is of, 12 digits. Absent: whichever `sourceARN` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12))]
    pub source_account: Option<String>,

    /// The organization that the caller must be of. Absent: any.
    #[serde(default, rename = "principalOrgID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 34))]
    pub principal_org_id: Option<String>,
}
