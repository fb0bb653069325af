//! CORS, as the proxy answers it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::{header_name, time_span};

/// What browsers may do from other origins (the Fetch standard). The proxy answers preflights itself, before authentication
/// and without an invocation, and sets the headers of answers in place of the function's.
/// Source: <https://fetch.spec.whatwg.org/#http-cors-protocol>
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.allowCredentials) || !self.allowCredentials || (!('*' in self.allowOrigins) && (!has(self.allowMethods) || !('*' in self.allowMethods)) && (!has(self.allowHeaders) || !('*' in self.allowHeaders)) && (!has(self.exposeHeaders) || !('*' in self.exposeHeaders)))", "spec.cors: with allowCredentials browsers take * for nothing (Fetch standard): name the origins, methods and headers")
)]
pub struct Cors {
    /// Origins that may call, as browsers send them (`https://shop.example`, with the port where it isn't the scheme's own).
    /// `*`: any. One to 64.
    #[schemars(length(max = 64), inner(length(min = 1, max = 270)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.size() > 0", "spec.cors.allowOrigins is empty: name an origin, or remove spec.cors"),
        validation = ("self.all(origin, origin == '*' || origin.matches('^https?://([a-z0-9]([-a-z0-9.]*[a-z0-9])?|[[][0-9a-f:]+[]])(:[0-9]{1,5})?$'))", "spec.cors.allowOrigins must be origins as browsers send them, in lower case and without a path, such as https://shop.example, or *")
    )]
    pub allow_origins: Vec<String>,

    /// Methods besides GET, HEAD and POST, which browsers always may. `*`: any. At most 16. Absent: none besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 32)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.all(method, method == '*' || method.matches('^[A-Z][A-Z-]*$'))", "spec.cors.allowMethods must be methods in capitals, such as PUT, or *")
    )]
    pub allow_methods: Vec<String>,

    /// Headers that a browser's script may set, besides the few that it always may. `*`: any but Authorization. At most 64.
    /// Absent: none besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(validation = field_names("spec.cors.allowHeaders"))]
    pub allow_headers: Vec<String>,

    /// Headers of the answer that a browser's script may read. `*`: any. At most 64. Absent: the few that it always may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(validation = field_names("spec.cors.exposeHeaders"))]
    pub expose_headers: Vec<String>,

    /// Whether a browser may send cookies and other credentials. Absent: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,

    /// How long a browser may keep the answer to a preflight, a duration of whole seconds from 0s to 24h. Absent: as the
    /// browser does (5 seconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = time_span::MAX_LENGTH))]
    #[x_kube(validation = time_span::rule_of_seconds("spec.cors.maxAge", "0s", "24h"))]
    pub max_age: Option<String>,
}

/// Any header may be named to a browser; what the proxy sets and removes is another matter.
fn field_names(field: &str) -> kube::core::Rule {
    kube::core::Rule::new(format!("self.all(name, {})", header_name::token("name")))
        .message(format!("{field} must be names of headers, such as content-type, or *").as_str())
}
