//! The route's Service, as it should be, and how far a live one is from it. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Resource, ResourceExt};
use lambdaroute_crds::LambdaRoute;

use crate::programmed::{self, Programmed};
use crate::programming::ServiceRef;
use crate::target::FunctionTarget;

pub mod additions;

/// The field manager of what the controller writes to children.
pub const MANAGER: &str = "lambdaroute-controller";
/// The name of the Service's only port; the slices' port bears the same.
pub const PORT_NAME: &str = "http";
/// Who manages it, for people and for our watch.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "lambdaroute-controller");
/// The route's name; cut off at a label's 63 characters.
pub const ROUTE_NAME: &str = "lambdaroute.dev/route-name";
/// The route's uid.
pub const ROUTE_UID: &str = "lambdaroute.dev/route-uid";
/// The function target that the route is pinned to.
pub const TARGET: &str = "lambdaroute.dev/target";

/// The name of a route's Service.
pub fn name(route: &LambdaRoute) -> String {
    let given = route.spec.service.as_ref().and_then(|service| service.name.clone());
    given.unwrap_or_else(|| route.name_any())
}

/// The port that callers use.
pub fn port(route: &LambdaRoute) -> u16 {
    route.spec.service.as_ref().and_then(|service| service.port).unwrap_or(80)
}

/// Whether a Service is this very route's: another one of the same name is somebody else's.
pub fn is_ours(service: &Service, route_uid: &str) -> bool {
    service.owner_references().iter().any(|owner| owner.controller == Some(true) && owner.uid == route_uid)
}

/// Whether the garbage collector deletes its slices now, and goes on until there are none (`--cascade=foreground`).
pub fn takes_its_slices_along(service: &Service) -> bool {
    service.metadata.deletion_timestamp.is_some()
        && service.finalizers().iter().any(|finalizer| finalizer == "foregroundDeletion")
}

/// The port at the proxies, kept in the targetPort.
pub fn target_port(service: &Service) -> Option<u16> {
    let ports = service.spec.as_ref()?.ports.as_ref()?;
    match ports.iter().find(|port| port.name.as_deref() == Some(PORT_NAME))?.target_port.as_ref()? {
        IntOrString::Int(port) => u16::try_from(*port).ok(),
        IntOrString::String(_) => None,
    }
}

/// What the route table needs of a live Service. None until the API server has given it a uid and addresses.
pub fn reference(service: &Service) -> Option<ServiceRef> {
    Some(ServiceRef {
        namespace: service.namespace()?,
        name: service.name_any(),
        uid: service.uid()?,
        port_name: PORT_NAME.to_owned(),
        ip_families: service.spec.as_ref()?.ip_families.clone()?,
    })
}

/// The Service as it should be.
pub fn desired(
    route: &LambdaRoute,
    target_port: u16,
    target: &FunctionTarget,
    programmed: Option<&Programmed>,
) -> Service {
    let uid = route.uid().unwrap_or_default();
    let mut route_name = route.name_any();
    route_name.truncate(63);
    let route_name = route_name.trim_end_matches(['-', '.']).to_owned();
    let (mut labels, mut annotations) = additions::of(route);
    labels.extend([
        (MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned()),
        (ROUTE_NAME.to_owned(), route_name),
        (ROUTE_UID.to_owned(), uid.clone()),
    ]);
    annotations.insert(TARGET.to_owned(), target.arn());
    if let Some(programmed) = programmed {
        annotations.insert(programmed::ANNOTATION.to_owned(), programmed.annotation());
    }
    Service {
        metadata: ObjectMeta {
            name: Some(name(route)),
            namespace: route.namespace(),
            labels: Some(labels),
            annotations: Some(annotations),
            owner_references: Some(vec![OwnerReference {
                api_version: LambdaRoute::api_version(&()).into_owned(),
                kind: LambdaRoute::kind(&()).into_owned(),
                name: route.name_any(),
                uid,
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            ip_family_policy: Some("PreferDualStack".to_owned()),
            ports: Some(vec![ServicePort {
                name: Some(PORT_NAME.to_owned()),
                protocol: Some("TCP".to_owned()),
                app_protocol: Some("http".to_owned()),
                port: i32::from(port(route)),
                target_port: Some(IntOrString::Int(i32::from(target_port))),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

/// What brings a live Service to what it should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Server-side apply of our fields.
    Apply,
    /// Something stands there that apply can't take away (another port, a selector, another type, a label that an earlier
    /// manifest gave when the Service was made): the whole object is replaced by this.
    Replace(Box<Service>),
}

/// The change that a live Service needs, if any.
pub fn change(live: &Service, desired: &Service) -> Option<Change> {
    let (Some(live_spec), Some(spec)) = (&live.spec, &desired.spec) else { return Some(Change::Apply) };
    let stays = live_spec.ports.as_deref().unwrap_or_default().iter().all(|port| {
        let wanted = spec.ports.as_deref().unwrap_or_default();
        wanted.iter().any(|wanted| wanted.port == port.port && wanted.protocol == port.protocol)
    });
    let selector = live_spec.selector.as_ref().is_some_and(|selector| !selector.is_empty());
    let external = live_spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
    let gone = live.annotations().contains_key(programmed::ANNOTATION)
        && !desired.annotations().contains_key(programmed::ANNOTATION);
    let (labels, annotations) = additions::surplus(live, desired);
    let surplus = !labels.is_empty() || !annotations.is_empty();
    if !stays || selector || external || gone || surplus || live_spec.type_ != spec.type_ {
        return Some(Change::Replace(Box::new(replaced(live, desired))));
    }
    let metadata = includes(live.labels(), desired.labels())
        && includes(live.annotations(), desired.annotations())
        && desired.owner_references().iter().all(|owner| live.owner_references().contains(owner));
    let ports = spec.ports.iter().flatten().all(|wanted| {
        live_spec.ports.iter().flatten().any(|port| {
            port.port == wanted.port
                && port.name == wanted.name
                && port.protocol == wanted.protocol
                && port.app_protocol == wanted.app_protocol
                && port.target_port == wanted.target_port
        })
    });
    (!metadata || !ports || live_spec.ip_family_policy != spec.ip_family_policy).then_some(Change::Apply)
}

fn includes(live: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| live.get(key) == Some(value))
}

fn replaced(live: &Service, desired: &Service) -> Service {
    let mut service = live.clone();
    let (labels, annotations) = additions::surplus(live, desired);
    service.labels_mut().retain(|key, _| !labels.contains(key));
    service.annotations_mut().retain(|key, _| !annotations.contains(key));
    service.labels_mut().extend(desired.labels().clone());
    service.annotations_mut().remove(programmed::ANNOTATION);
    service.annotations_mut().extend(desired.annotations().clone());
    service.metadata.owner_references = desired.metadata.owner_references.clone();
    if let (Some(spec), Some(wanted)) = (&mut service.spec, &desired.spec) {
        spec.type_ = wanted.type_.clone();
        spec.ports = wanted.ports.clone();
        spec.selector = None;
        spec.external_name = None;
        spec.external_ips = None;
        spec.ip_family_policy = wanted.ip_family_policy.clone();
    }
    service.status = None;
    service
}

#[cfg(test)]
mod tests;
