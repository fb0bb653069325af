//! What the table needs of a proxy's Pod. Addresses come from the API server alone, never from the proxy's own word.

use std::borrow::Borrow;
use std::fmt;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::Pod;

/// A proxy is its Pod: the Pod's uid. A Pod made again under the same name or with the same address is another proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProxyId(pub String);

impl fmt::Display for ProxyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for ProxyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A proxy's Pod, as far as it decides on endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFacts {
    /// The Pod's uid.
    pub id: ProxyId,
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod's name.
    pub name: String,
    /// `status.podIPs`.
    pub addresses: Vec<IpAddr>,
    /// The Pod's condition `Ready`.
    pub ready: bool,
    /// It has a deletion timestamp.
    pub terminating: bool,
    /// `spec.nodeName`.
    pub node: Option<String>,
    /// The label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
}

impl PodFacts {
    /// None for a Pod that runs no more (Succeeded, Failed): its address may be another's already.
    pub fn of(pod: &Pod) -> Option<Self> {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return None;
        }
        let addresses = status
            .and_then(|status| status.pod_ips.as_ref())
            .into_iter()
            .flatten()
            .filter_map(|address| address.ip.parse().ok())
            .collect();
        let ready = status
            .and_then(|status| status.conditions.as_ref())
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        Some(Self {
            id: ProxyId(pod.metadata.uid.clone()?),
            namespace: pod.metadata.namespace.clone()?,
            name: pod.metadata.name.clone()?,
            addresses,
            ready,
            terminating: pod.metadata.deletion_timestamp.is_some(),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            zone: pod.metadata.labels.as_ref().and_then(|labels| labels.get("topology.kubernetes.io/zone")).cloned(),
        })
    }

    /// Its address of a family (`IPv4`, `IPv6`).
    pub fn address(&self, family: &str) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| match family {
            "IPv4" => address.is_ipv4(),
            "IPv6" => address.is_ipv6(),
            _ => false,
        })
    }
}
