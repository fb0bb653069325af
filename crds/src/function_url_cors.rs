//! CORS, as AWS answers it at a public function URL.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::time_span;

/// AWS's own CORS: what browsers may do that call the function URL itself. An empty one is none.
/// Source of the limits: <https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html>
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionUrlCors {
    /// Origins that may call, such as `https://shop.example`. `*`: any. At most 100. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub allow_origins: Vec<String>,

    /// Methods. `*`: any. At most 6 of at most 6 characters each, so OPTIONS can't be named. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 6), inner(length(min = 1, max = 6)), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(
        validation = ("self.all(method, method == '*' || method.matches('^[A-Z]+$'))", "spec.upstream.functionURL.cors.allowMethods must be methods in capitals, such as PUT, or *")
    )]
    pub allow_methods: Vec<String>,

    /// Headers that a browser's script may set. `*`: any. At most 100. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub allow_headers: Vec<String>,

    /// Headers of the answer that a browser's script may read. `*`: any. At most 100. Absent: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub expose_headers: Vec<String>,

    /// Whether a browser may send cookies and other credentials. Absent: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,

    /// How long a browser may keep the answer to a preflight, a duration of whole seconds from 0s to 24h. Absent:
    /// 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = time_span::MAX_LENGTH))]
    #[x_kube(validation = time_span::rule_of_seconds("spec.upstream.functionURL.cors.maxAge", "0s", "24h"))]
    pub max_age: Option<String>,
}
