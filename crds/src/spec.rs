//! The parts of a LambdaRoute's spec.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::function_url_cors::FunctionUrlCors;

/// The Lambda function: by `name` or by `arn`.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.name) != has(self.arn)", "give exactly one of spec.function.name and spec.function.arn"),
    validation = ("!has(self.name) || self.name.matches('^[a-zA-Z0-9_-]+$')", "spec.function.name must be a bare name (letters, digits, - and _): put an ARN in spec.function.arn and an alias in spec.function.qualifier"),
    validation = Rule::new("!has(self.arn) || !self.arn.matches('^arn:[^:]*:lambda:[^:]*:[^:]*:function:[^:]*:.*$')").message(Message::Expression("'spec.function.arn must be unqualified: put ' + self.arn.split(':')[7] + ' in spec.function.qualifier'".into())),
    validation = ("!has(self.arn) || self.arn.matches('^arn:aws[a-z-]*:lambda:[a-z]{2}(-[a-z]+)+-[0-9]+:[0-9]{12}:function:[a-zA-Z0-9_-]{1,64}(:.*)?$')", "spec.function.arn must be a Lambda function's ARN, such as arn:aws:lambda:eu-west-1:111122223333:function:orders"),
    validation = ("!has(self.arn) || !has(self.region)", "spec.function.region goes with spec.function.name only: the ARN has a Region of its own"),
    validation = ("!has(self.arn) || !has(self.accountID)", "spec.function.accountID goes with spec.function.name only: the ARN has an account of its own"),
    validation = ("!has(self.qualifier) || self.qualifier != '$LATEST'", "spec.function.qualifier can't be $LATEST: leave it out"),
    validation = ("!has(self.qualifier) || !self.qualifier.matches('^[0-9]+$')", "spec.function.qualifier can't be a version number (AWS attaches function URLs to aliases): make an alias for the version and name that"),
    validation = ("!has(self.qualifier) || self.qualifier == '$LATEST' || self.qualifier.matches('^[a-zA-Z0-9_-]+$')", "spec.function.qualifier must be an alias (letters, digits, - and _)"),
    validation = ("!has(self.region) || self.region.matches('^[a-z]{2}(-[a-z]+)+-[0-9]+$')", "spec.function.region must be an AWS Region such as eu-west-1"),
    validation = ("!has(self.accountID) || self.accountID.matches('^[0-9]{12}$')", "spec.function.accountID must be the 12 digits of an AWS account, in quotes"),
    validation = ("has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)", "spec.function.name is immutable: delete the LambdaRoute and make another one"),
    validation = ("has(self.arn) == has(oldSelf.arn) && (!has(self.arn) || self.arn == oldSelf.arn)", "spec.function.arn is immutable: delete the LambdaRoute and make another one"),
    validation = ("has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)", "spec.function.region is immutable: delete the LambdaRoute and make another one"),
    validation = ("has(self.accountID) == has(oldSelf.accountID) && (!has(self.accountID) || self.accountID == oldSelf.accountID)", "spec.function.accountID is immutable: delete the LambdaRoute and make another one")
)]
pub struct Function {
    /// The function's name. Exactly one of `name` and `arn`. Immutable.
    /// At most 64 characters (AWS CreateFunction).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub name: Option<String>,

    /// The function's unqualified ARN. Exactly one of `name` and `arn`. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub arn: Option<String>,

    /// An alias. Absent: the unqualified function ($LATEST). May be changed: the new alias is brought up before the old one is
    /// taken back. A version number is refused: AWS attaches function URLs to aliases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub qualifier: Option<String>,

    /// The function's Region. With `name` only. Absent: the controller's Region at the time of the first sync, then pinned.
    /// Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub region: Option<String>,

    /// The function's account, 12 digits. With `name` only. Absent: the account of the controller's credentials, then pinned.
    /// Another account than that is refused (UnsupportedValue). Immutable.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 12))]
    pub account_id: Option<String>,
}

/// How the function is reached.
#[derive(KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Upstream {
    /// How the function is reached. FunctionURL: by the function's URL.
    #[serde(rename = "type")]
    pub type_: UpstreamType,

    /// With type FunctionURL. Absent: every setting absent.
    #[serde(default, rename = "functionURL", skip_serializing_if = "Option::is_none")]
    pub function_url: Option<FunctionUrl>,
}

/// How the function is reached. FunctionURL: by the function's URL.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum UpstreamType {
    /// The function's URL.
    FunctionURL,
}

/// The settings of the function's URL.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.cors) || (has(self.authType) && self.authType == 'NONE')", "spec.upstream.functionURL.cors goes with authType NONE only, since a browser can't sign: use spec.cors, which the proxy answers")
)]
pub struct FunctionUrl {
    /// See [`FunctionUrlManagement`], whose description the schema takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub management: Option<FunctionUrlManagement>,

    /// See [`AuthType`], whose description the schema takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<AuthType>,

    /// See [`InvokeMode`], whose description the schema takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoke_mode: Option<InvokeMode>,

    /// AWS's own CORS, with authType NONE. Absent: none where LambdaRoute makes the URL, as found under Adopt and Observe, where
    /// an empty one says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<FunctionUrlCors>,
}

/// Whose the function URL is. Managed: LambdaRoute makes it, keeps it true and deletes what it made; one that it didn't make and
/// that differs is left alone (FunctionURLReady=False, AlreadyExists). Adopt: an existing one is kept true too, and never deleted.
/// Observe: it is only read. Absent: Managed.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub enum FunctionUrlManagement {
    /// Ours.
    #[default]
    Managed,
    /// Somebody else's, kept true.
    Adopt,
    /// Only read.
    Observe,
}

/// Who the function URL lets in. AWS_IAM: only principals with the function's permission; the proxy signs. NONE: anybody on the
/// internet; needs a grant with principal `*` in `permissions.grants` and a LambdaAccessPolicy that allows PublicURL. Absent:
/// AWS_IAM where LambdaRoute makes the URL, as found under `management` Adopt and Observe. Changing it keeps the URL.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
pub enum AuthType {
    /// Principals with permission.
    #[default]
    #[serde(rename = "AWS_IAM")]
    AwsIam,
    /// Anybody.
    #[serde(rename = "NONE")]
    None,
}

impl AuthType {
    /// AWS's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthType::AwsIam => "AWS_IAM",
            AuthType::None => "NONE",
        }
    }
}

/// How the function URL answers. BUFFERED: up to 6 MB, sent when complete. RESPONSE_STREAM: as the function writes, up to
/// 200 MB. Absent: BUFFERED where LambdaRoute makes the URL, as found under `management` Adopt and Observe.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunctionUrlConfig.html>
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum InvokeMode {
    /// When the answer is complete.
    #[default]
    #[serde(rename = "BUFFERED")]
    Buffered,
    /// As the function writes.
    #[serde(rename = "RESPONSE_STREAM")]
    ResponseStream,
}

impl InvokeMode {
    /// AWS's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            InvokeMode::Buffered => "BUFFERED",
            InvokeMode::ResponseStream => "RESPONSE_STREAM",
        }
    }
}

/// What happens in AWS when the LambdaRoute is deleted. Delete: what LambdaRoute created is taken back. Retain: AWS stays as
/// it is. Absent: Delete.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum DeletionPolicy {
    /// What LambdaRoute created is taken back.
    #[default]
    Delete,
    /// AWS stays as it is.
    Retain,
}
