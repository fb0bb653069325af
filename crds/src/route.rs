//! The kind LambdaRoute: its spec's fields, columns and the rules that span fields.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reserved;
use crate::spec::{DeletionPolicy, Function, Service, Upstream};
use crate::status::LambdaRouteStatus;

/// Makes an AWS Lambda function callable as a Kubernetes Service: the function's URL and its permission statements in AWS,
/// and a Service whose requests are signed on their way.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[kube(
    group = "lambdaroute.dev",
    version = "v1alpha1",
    kind = "LambdaRoute",
    plural = "lambdaroutes",
    namespaced,
    derive = "PartialEq",
    status = "LambdaRouteStatus",
    shortname = "lr",
    shortname = "lroute",
    category = "all",
    category = "aws",
    category = "lambdaroutes",
    doc = "LambdaRoute makes an AWS Lambda function callable as a Kubernetes Service.",
    selectable = ".spec.function.name",
    selectable = ".spec.function.arn",
    printcolumn(name = "Function", type_ = "string", json_path = ".status.function", description = "The function, with its alias"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.url", description = "Where workloads of the cluster call it"),
    printcolumn(name = "Auth", type_ = "string", json_path = ".status.auth", description = "How callers are recognised"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Function-URL",
        type_ = "string",
        json_path = r#".status.targets[?(@.state=="Active")].functionURL"#,
        description = "The function URL in AWS",
        priority = "1"
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        description = "Who must act, and how",
        priority = "1"
    ),
    validation = ("has(self.spec.service) && has(self.spec.service.name) || (self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$'))", "metadata.name can't be a Service's name (lower-case letters, digits and -, beginning with a letter, at most 63 characters): give spec.service.name")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("has(self.function)", "spec.function is required: give spec.function.name or spec.function.arn"),
    validation = ("(has(self.service) && has(self.service.name)) == (has(oldSelf.service) && has(oldSelf.service.name)) && (!has(self.service) || !has(self.service.name) || self.service.name == oldSelf.service.name)", "spec.service.name is immutable: delete the LambdaRoute and make another one"),
    validation = ("!has(self.auth)", "spec.auth isn't supported by this version: remove it"),
    validation = ("!has(self.authorization)", "spec.authorization isn't supported by this version: remove it"),
    validation = ("!has(self.rateLimits)", "spec.rateLimits isn't supported by this version: remove it"),
    validation = ("!has(self.quotas)", "spec.quotas isn't supported by this version: remove it"),
    validation = ("!has(self.sourceRanges)", "spec.sourceRanges isn't supported by this version: remove it"),
    validation = ("!has(self.validation)", "spec.validation isn't supported by this version: remove it")
)]
pub struct LambdaRouteSpec {
    /// The Lambda function. Required. Immutable but for `qualifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,

    /// How the function is reached. Absent: a function URL that LambdaRoute manages, with auth type AWS_IAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,

    /// The Service that callers use. Absent: one of the LambdaRoute's own name, at port 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,

    /// See [`DeletionPolicy`], whose description the schema takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,

    /// True: nothing is written in AWS and no change of the spec reaches the proxies; calls go on as they were. Deleting a
    /// suspended LambdaRoute leaves AWS as it is. Absent: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,

    /// Reserved for authentication of callers. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::object")]
    pub auth: Option<Value>,

    /// Reserved for authorization of callers. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::list")]
    pub authorization: Option<Vec<Value>>,

    /// Reserved for rate limits. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::list")]
    pub rate_limits: Option<Vec<Value>>,

    /// Reserved for quotas. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::list")]
    pub quotas: Option<Vec<Value>>,

    /// Reserved for allowed and denied source addresses. Not supported by this version: refused, so that it is never
    /// silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::object")]
    pub source_ranges: Option<Value>,

    /// Reserved for request validation. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::object")]
    pub validation: Option<Value>,
}

impl LambdaRouteSpec {
    /// The first access field that is set although this version doesn't support it. The schema refuses it too; this is for
    /// a cluster whose CRD isn't the one this was built with: such a field must never be ignored.
    pub fn unsupported(&self) -> Option<&'static str> {
        let Self {
            auth,
            authorization,
            rate_limits,
            quotas,
            source_ranges,
            validation,
            function: _,
            upstream: _,
            service: _,
            deletion_policy: _,
            suspend: _,
        } = self;
        [
            (auth.is_some(), "spec.auth"),
            (authorization.is_some(), "spec.authorization"),
            (rate_limits.is_some(), "spec.rateLimits"),
            (quotas.is_some(), "spec.quotas"),
            (source_ranges.is_some(), "spec.sourceRanges"),
            (validation.is_some(), "spec.validation"),
        ]
        .into_iter()
        .find_map(|(set, field)| set.then_some(field))
    }
}

#[cfg(test)]
mod tests;
