//! What an EndpointSlice of a route shall be. Pure; writing is `slices::writer`'s.

pub mod observe;
pub mod writer;

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use sha2::{Digest, Sha256};

use crate::programming::{DesiredRoute, RouteId, ServiceRef};
use crate::table::{Auth, Guard, PodFacts, SliceKey};

/// Who manages a slice: the label by which kube-proxy's neighbours leave ours alone, and by which we watch only ours.
pub const MANAGED_BY: (&str, &str) = ("endpointslice.kubernetes.io/managed-by", "lambdaroute.dev");
/// The field manager of everything that the controller keeps in the cluster.
pub const FIELD_MANAGER: &str = "lambdaroute-controller";
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const ROUTE_UID: &str = "lambdaroute.dev/route-uid";
/// The loosest auth type that the slice's endpoints may serve. A new leader learns from it whether the route was
/// tightened since the slice was written.
const AUTH_TYPE: &str = "lambdaroute.dev/auth-type";

/// What guards every one of the slice's endpoints at least: see [`Guard`]. Absent: nothing, as far as can be told.
const GUARD: &str = "lambdaroute.dev/guard";

/// The slice's name for a Service and family. The Service's uid is in it: a Service that is made again under the same
/// name gets slices of its own.
pub fn key(service: &ServiceRef, family: &str) -> SliceKey {
    let digest = Sha256::digest(format!("{}/{family}", service.uid).as_bytes());
    let name = format!("{}-{}-{}", service.name, family.to_ascii_lowercase(), hex::encode(&digest[..4]));
    SliceKey { namespace: service.namespace.clone(), name }
}

/// The slice's place.
pub fn key_of(slice: &EndpointSlice) -> SliceKey {
    let meta = &slice.metadata;
    SliceKey { namespace: meta.namespace.clone().unwrap_or_default(), name: meta.name.clone().unwrap_or_default() }
}

/// The slice that a route's Service shall have for a family.
pub fn desired(
    id: &RouteId,
    route: &DesiredRoute,
    family: &str,
    endpoints: &[(&PodFacts, IpAddr)],
    auth: Auth,
    guard: Option<&Guard>,
) -> EndpointSlice {
    let service = &route.service;
    let key = key(service, family);
    let mut annotations = map(&[(AUTH_TYPE, auth.as_str())]);
    annotations.extend(guard.map(|guard| (GUARD.to_owned(), guard.text())));
    let labels = [
        (MANAGED_BY.0, MANAGED_BY.1),
        (SERVICE_NAME, &service.name),
        ("app.kubernetes.io/managed-by", FIELD_MANAGER),
        (ROUTE_UID, &id.0),
    ];
    EndpointSlice {
        address_type: family.to_owned(),
        endpoints: endpoints.iter().map(|(pod, address)| endpoint(pod, *address)).collect(),
        metadata: ObjectMeta {
            name: Some(key.name),
            namespace: Some(key.namespace),
            labels: Some(map(&labels)),
            annotations: Some(annotations),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Service".to_owned(),
                name: service.name.clone(),
                uid: service.uid.clone(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        ports: Some(vec![EndpointPort {
            name: Some(service.port_name.clone()),
            port: i32::try_from(route.route.port).ok(),
            protocol: Some("TCP".to_owned()),
            app_protocol: Some("http".to_owned()),
        }]),
    }
}

/// The slice as it is, with those endpoints only that `keep` allows.
pub fn with_only(observed: &EndpointSlice, keep: impl Fn(&Endpoint) -> bool) -> EndpointSlice {
    let ours = |map: &Option<BTreeMap<String, String>>, names: &[&str]| {
        let map = map.iter().flatten().filter(|(name, _)| names.contains(&name.as_str()));
        Some(map.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let meta = &observed.metadata;
    EndpointSlice {
        endpoints: observed.endpoints.iter().filter(|endpoint| keep(endpoint)).cloned().collect(),
        metadata: ObjectMeta {
            name: meta.name.clone(),
            namespace: meta.namespace.clone(),
            labels: ours(&meta.labels, &[MANAGED_BY.0, SERVICE_NAME, "app.kubernetes.io/managed-by", ROUTE_UID]),
            annotations: ours(&meta.annotations, &[AUTH_TYPE, GUARD]),
            owner_references: meta.owner_references.clone(),
            ..ObjectMeta::default()
        },
        ..observed.clone()
    }
}

/// Whether nothing has to be written. Labels and annotations of others are theirs.
pub fn matches(desired: &EndpointSlice, observed: &EndpointSlice) -> bool {
    let holds = |desired: &Option<BTreeMap<String, String>>, observed: &Option<BTreeMap<String, String>>| {
        desired.iter().flatten().all(|(name, value)| observed.as_ref().and_then(|map| map.get(name)) == Some(value))
    };
    desired.address_type == observed.address_type
        && desired.ports == observed.ports
        && desired.endpoints == observed.endpoints
        && desired.metadata.owner_references == observed.metadata.owner_references
        && holds(&desired.metadata.labels, &observed.metadata.labels)
        && holds(&desired.metadata.annotations, &observed.metadata.annotations)
        // One that isn't true any more has to go.
        && guard_of(desired) == guard_of(observed)
}

/// The write refused unless the slice is still the one that was observed, unchanged.
pub fn fenced(mut desired: EndpointSlice, observed: &EndpointSlice) -> EndpointSlice {
    desired.metadata.uid.clone_from(&observed.metadata.uid);
    desired.metadata.resource_version.clone_from(&observed.metadata.resource_version);
    desired
}

/// The route that a slice was made for.
pub fn route_of(slice: &EndpointSlice) -> Option<RouteId> {
    slice.metadata.labels.as_ref()?.get(ROUTE_UID).map(|uid| RouteId(uid.clone()))
}

/// Whether the slice belongs to this Service.
pub fn is_owned_by(slice: &EndpointSlice, service: &ServiceRef) -> bool {
    slice.metadata.owner_references.iter().flatten().any(|owner| owner.uid == service.uid)
}

/// What the slice's endpoints may serve, at the loosest.
pub fn auth_of(slice: &EndpointSlice) -> Auth {
    Auth::read(slice.metadata.annotations.as_ref().and_then(|map| map.get(AUTH_TYPE)).map(String::as_str))
}

/// What guards the slice's endpoints, at the loosest.
pub fn guard_of(slice: &EndpointSlice) -> Option<Guard> {
    Guard::read(slice.metadata.annotations.as_ref().and_then(|map| map.get(GUARD)).map(String::as_str))
}

/// The slice's port; 0 where it has none.
pub fn port_of(slice: &EndpointSlice) -> u32 {
    let port = slice.ports.iter().flatten().next().and_then(|port| port.port);
    port.and_then(|port| u32::try_from(port).ok()).unwrap_or(0)
}

/// The uid of the Pod that an endpoint points at, and the address.
pub fn target(endpoint: &Endpoint) -> Option<(&str, IpAddr)> {
    let uid = endpoint.target_ref.as_ref()?.uid.as_deref()?;
    Some((uid, endpoint.addresses.first()?.parse().ok()?))
}

fn endpoint(pod: &PodFacts, address: IpAddr) -> Endpoint {
    Endpoint {
        addresses: vec![address.to_string()],
        conditions: Some(EndpointConditions { ready: Some(true), serving: Some(true), terminating: Some(false) }),
        node_name: pod.node.clone(),
        zone: pod.zone.clone(),
        target_ref: Some(ObjectReference {
            kind: Some("Pod".to_owned()),
            namespace: Some(pod.namespace.clone()),
            name: Some(pod.name.clone()),
            uid: Some(pod.id.0.clone()),
            ..ObjectReference::default()
        }),
        ..Endpoint::default()
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests;
