//! The kind LambdaRoute: its spec's fields, columns and the rules that span fields.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::Auth;
use crate::cors::Cors;
use crate::permissions::Permissions;
use crate::rate_limits::{Concurrency, RateLimit};
use crate::request_headers::RequestHeaders;
use crate::service::Service;
use crate::source_ranges::SourceRanges;
use crate::spec::{DeletionPolicy, Function, Upstream};
use crate::status::LambdaRouteStatus;
use crate::timeouts::Timeouts;
use crate::{byte_size, header_clash, header_name, reserved};

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
    validation = ("!(has(self.upstream) && has(self.upstream.functionURL) && has(self.upstream.functionURL.authType) && self.upstream.functionURL.authType == 'NONE') || !(has(self.auth) || has(self.rateLimits) || has(self.sourceRanges))", "spec.auth, spec.rateLimits and spec.sourceRanges can't stand beside spec.upstream.functionURL.authType NONE, with which anybody reaches the function around the proxy: remove them, or use AWS_IAM"),
    validation = ("!(has(self.upstream) && has(self.upstream.functionURL) && has(self.upstream.functionURL.authType) && self.upstream.functionURL.authType == 'NONE') || (has(self.permissions) && has(self.permissions.grants) && self.permissions.grants.exists(grant, grant.principal == '*'))", "spec.upstream.functionURL.authType NONE needs a grant with principal * in spec.permissions.grants: nothing is made public without being said"),
    validation = ("(has(self.upstream) && has(self.upstream.functionURL) && has(self.upstream.functionURL.authType) && self.upstream.functionURL.authType == 'NONE') || !(has(self.permissions) && has(self.permissions.grants) && self.permissions.grants.exists(grant, grant.principal == '*'))", "spec.permissions.grants[].principal * lets anybody in, which goes with spec.upstream.functionURL.authType NONE only: name a principal"),
    validation = ("!(has(self.permissions) && has(self.permissions.management) && self.permissions.management == 'Observe') || (has(self.upstream) && has(self.upstream.functionURL) && has(self.upstream.functionURL.management) && self.upstream.functionURL.management != 'Managed')", "spec.permissions.management Observe needs spec.upstream.functionURL.management Adopt or Observe: what proves that LambdaRoute made a URL is kept in the policy"),
    validation = ("!has(self.rateLimits) || has(self.auth) || self.rateLimits.all(limit, !has(limit.keys) || limit.keys.all(key, key.type != 'Consumer'))", "spec.rateLimits[].keys of type Consumer need spec.auth, which says who calls: give a method, or another key"),
    validation = ("!has(self.rateLimits) || (has(self.auth) && self.auth.methods.exists(method, method.type == 'JWT')) || self.rateLimits.all(limit, !has(limit.keys) || limit.keys.all(key, key.type != 'Claim'))", "spec.rateLimits[].keys of type Claim need a method of type JWT in spec.auth: give one, or another key"),
    validation = header_clash::set_and_claims(),
    validation = header_clash::set_and_authorization(),
    validation = header_clash::claims_and_authorization(),
    validation = ("!has(self.authorization)", "spec.authorization isn't supported by this version: remove it"),
    validation = ("!has(self.quotas)", "spec.quotas isn't supported by this version: remove it"),
    validation = ("!has(self.validation)", "spec.validation isn't supported by this version: remove it")
)]
pub struct LambdaRouteSpec {
    /// The Lambda function. Required. Immutable but for `qualifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,

    /// How the function is reached. Absent: a function URL that LambdaRoute manages, with auth type AWS_IAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Upstream>,

    /// The function's resource policy. Absent: the statements that the proxies need, managed by LambdaRoute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,

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

    /// How callers are recognised. Absent: whoever can reach the Service may call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,

    /// Reserved for authorization of callers. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::list")]
    pub authorization: Option<Vec<Value>>,

    /// Rate limits, at most 16, each by a name of its own: a request must pass all of them, and one that is refused (429
    /// `rate_limited`) counts against none. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rate_limits: Option<Vec<RateLimit>>,

    /// Reserved for quotas. Not supported by this version: refused, so that it is never silently ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "reserved::list")]
    pub quotas: Option<Vec<Value>>,

    /// Requests in flight. Absent: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,

    /// What browsers may do from other origins. Absent: the function answers preflights and says CORS headers itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,

    /// Which addresses may call; others get 403 `forbidden`. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ranges: Option<SourceRanges>,

    /// Headers towards the function. Absent: the caller's, but for those that no proxy passes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<RequestHeaders>,

    /// A header, in which the function gets the caller's Authorization: that header itself is taken by the signature. Never a
    /// ServiceAccount token, nor a key that a method has matched. Not a header of `requestHeaders.set` or of `forwardClaims`.
    /// Absent: the caller's Authorization is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = header_name::rule("spec.forwardAuthorizationAs"))]
    pub forward_authorization_as: Option<String>,

    /// How long parts of a request may take. Absent: as its fields say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,

    /// The largest body of a request, a quantity of bytes; above it the answer is 413 `request_too_large`. Absent and at most:
    /// 6Mi. Lambda's 6 MB count the JSON event, in which a binary body is written in base64: of those about 4.5 MB fit.
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = byte_size::MAX_LENGTH))]
    #[x_kube(validation = byte_size::rule("spec.maxRequestBody", "6Mi"))]
    pub max_request_body: Option<String>,

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
            authorization,
            quotas,
            validation,
            auth: _,
            rate_limits: _,
            concurrency: _,
            cors: _,
            source_ranges: _,
            request_headers: _,
            forward_authorization_as: _,
            timeouts: _,
            max_request_body: _,
            function: _,
            upstream: _,
            permissions: _,
            service: _,
            deletion_policy: _,
            suspend: _,
        } = self;
        [
            (authorization.is_some(), "spec.authorization"),
            (quotas.is_some(), "spec.quotas"),
            (validation.is_some(), "spec.validation"),
        ]
        .into_iter()
        .find_map(|(set, field)| set.then_some(field))
    }
}

#[cfg(test)]
mod tests;
