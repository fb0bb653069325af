//! The Service of a route: its name, its port, and what users add to it for other tools.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The Service that callers use.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = ("!has(self.name) || self.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')", "spec.service.name must be a Service's name: lower-case letters, digits and -, beginning with a letter"),
    validation = (r"!has(self.labels) || self.labels.all(key, key.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$') && self.labels[key].matches('^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$'))", "spec.service.labels must be labels, such as team: shop"),
    validation = (r"!has(self.annotations) || self.annotations.all(key, key.matches('^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))", "spec.service.annotations must have keys such as example.com/owner"),
    validation = (r"!has(self.labels) || !self.labels.exists(key, key.matches('^(([a-z0-9.-]*[.])?lambdaroute[.]dev/|k8s[.]io/|kubernetes[.]io/|(kubectl|endpoints|endpointslice)[.]kubernetes[.]io/|app[.]kubernetes[.]io/managed-by$|service[.]kubernetes[.]io/(headless|service-proxy-name)$)'))", "spec.service.labels: the keys of lambdaroute.dev/, kubernetes.io/, k8s.io/, kubectl.kubernetes.io/, endpoints.kubernetes.io/ and endpointslice.kubernetes.io/, app.kubernetes.io/managed-by, service.kubernetes.io/headless and service.kubernetes.io/service-proxy-name are LambdaRoute's and Kubernetes' own: remove them"),
    validation = (r"!has(self.annotations) || !self.annotations.exists(key, key.matches('^(([a-z0-9.-]*[.])?lambdaroute[.]dev/|k8s[.]io/|kubernetes[.]io/|(kubectl|endpoints|endpointslice)[.]kubernetes[.]io/|app[.]kubernetes[.]io/managed-by$|service[.]kubernetes[.]io/(headless|service-proxy-name)$)'))", "spec.service.annotations: the keys of lambdaroute.dev/, kubernetes.io/, k8s.io/, kubectl.kubernetes.io/, endpoints.kubernetes.io/ and endpointslice.kubernetes.io/, app.kubernetes.io/managed-by, service.kubernetes.io/headless and service.kubernetes.io/service-proxy-name are LambdaRoute's and Kubernetes' own: remove them")
)]
pub struct Service {
    /// The Service's name, a DNS-1035 label of at most 63 characters. Absent: the LambdaRoute's name. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,

    /// The Service's port. Absent: 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535), extend("format" = "int32"))]
    pub port: Option<u16>,

    /// Labels of the Service besides LambdaRoute's own, for other tools. At most 16. Taken away from the Service when they are
    /// removed here; labels that somebody else puts on the Service stay. Those of the LambdaRoute itself are never copied.
    /// Keys of `lambdaroute.dev/` and of Kubernetes itself are refused. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "labels")]
    pub labels: Option<BTreeMap<String, String>>,

    /// Annotations of the Service besides LambdaRoute's own, for other tools. At most 16, of at most 4096 characters each and
    /// 64 KiB together. Otherwise as `labels`. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "annotations")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// A label's value is at most 63 characters; a key's length is bound by its rule.
fn labels(_: &mut SchemaGenerator) -> Schema {
    texts(63)
}

fn annotations(_: &mut SchemaGenerator) -> Schema {
    texts(4096)
}

fn texts(longest: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": longest},
    })
}
