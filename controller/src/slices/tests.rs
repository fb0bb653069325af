//! What an EndpointSlice of ours says, and when it is written.

use lambdaroute_proxy_config::v1alpha1::Route;

use std::collections::BTreeMap;

use super::*;
use crate::table::ProxyId;

fn route() -> DesiredRoute {
    DesiredRoute {
        id: RouteId("route-uid".to_owned()),
        service: ServiceRef {
            namespace: "shop".to_owned(),
            name: "orders".to_owned(),
            uid: "service-uid".to_owned(),
            port_name: "http".to_owned(),
            ip_families: vec!["IPv4".to_owned(), "IPv6".to_owned()],
        },
        route: Route { port: 12_345, ..Route::default() },
        key_sets: BTreeMap::new(),
        kept: false,
    }
}

fn pod() -> PodFacts {
    PodFacts {
        id: ProxyId("pod-uid".to_owned()),
        namespace: "lambdaroute".to_owned(),
        name: "proxy-1".to_owned(),
        addresses: vec!["10.0.0.1".parse().expect("an address"), "fd00::1".parse().expect("an address")],
        ready: true,
        terminating: false,
        node: Some("node-1".to_owned()),
        zone: Some("eu-west-1a".to_owned()),
    }
}

fn slice(family: &str) -> EndpointSlice {
    let (pod, route) = (pod(), route());
    let endpoints: Vec<_> = pod.address(family).map(|address| (&pod, address)).into_iter().collect();
    desired(&route.id, &route, family, &endpoints, Auth::AwsIam, None)
}

#[test]
fn a_slice_is_what_kube_proxy_and_the_garbage_collector_need() {
    let slice = serde_json::to_value(slice("IPv6")).expect("a value");
    assert_eq!(slice["addressType"], "IPv6");
    assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "orders");
    assert_eq!(slice["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"], "lambdaroute.dev");
    let owner = &slice["metadata"]["ownerReferences"][0];
    assert_eq!(owner["kind"], "Service");
    assert_eq!(owner["uid"], "service-uid");
    assert_eq!(owner["controller"], true);
    assert_eq!(owner["blockOwnerDeletion"], true);
    let port = serde_json::json!({"name": "http", "port": 12_345, "protocol": "TCP", "appProtocol": "http"});
    assert_eq!(slice["ports"], serde_json::json!([port]));
    let endpoint = serde_json::json!({
        "addresses": ["fd00::1"],
        "conditions": {"ready": true, "serving": true, "terminating": false},
        "nodeName": "node-1",
        "zone": "eu-west-1a",
        "targetRef": {"kind": "Pod", "namespace": "lambdaroute", "name": "proxy-1", "uid": "pod-uid"},
    });
    assert_eq!(slice["endpoints"], serde_json::json!([endpoint]));
}

#[test]
fn an_empty_slice_says_so() {
    let empty = with_only(&slice("IPv4"), |_| false);
    let written = serde_json::to_value(&empty).expect("a value");
    assert_eq!(written["endpoints"], serde_json::json!([]), "a server-side apply must take the endpoints away");
    assert_eq!(written["ports"][0]["port"], 12_345);
}

#[test]
fn families_and_services_have_slices_of_their_own() {
    let service = route().service;
    let again = ServiceRef { uid: "another-uid".to_owned(), ..service.clone() };
    assert_ne!(key(&service, "IPv4"), key(&service, "IPv6"));
    assert_ne!(key(&service, "IPv4"), key(&again, "IPv4"));
    assert!(key(&service, "IPv4").name.starts_with("orders-ipv4-"));
}

#[test]
fn a_slice_is_written_only_when_something_of_ours_differs() {
    let wanted = slice("IPv4");
    let mut observed = wanted.clone();
    observed.metadata.uid = Some("slice-uid".to_owned());
    observed.metadata.resource_version = Some("5".to_owned());
    observed.metadata.annotations.get_or_insert_default().insert("theirs".to_owned(), "kept".to_owned());
    assert!(matches(&wanted, &observed));
    let changed: [fn(&mut EndpointSlice); 5] = [
        |slice| slice.endpoints.clear(),
        |slice| slice.ports = None,
        |slice| slice.metadata.owner_references = None,
        |slice| drop(slice.metadata.labels.as_mut().map(|labels| labels.remove(MANAGED_BY.0))),
        |slice| slice.metadata.annotations = None,
    ];
    for change in changed {
        let mut other = observed.clone();
        change(&mut other);
        assert!(!matches(&wanted, &other));
    }
}

#[test]
fn a_write_is_fenced_by_what_was_observed() {
    let mut observed = slice("IPv4");
    observed.metadata.uid = Some("slice-uid".to_owned());
    observed.metadata.resource_version = Some("5".to_owned());
    let write = fenced(slice("IPv4"), &observed);
    assert_eq!(write.metadata.uid.as_deref(), Some("slice-uid"));
    assert_eq!(write.metadata.resource_version.as_deref(), Some("5"));
}

#[test]
fn what_a_slice_says_can_be_read_back() {
    let slice = slice("IPv4");
    assert_eq!(route_of(&slice), Some(route().id));
    assert_eq!((auth_of(&slice), port_of(&slice)), (Auth::AwsIam, 12_345));
    assert!(is_owned_by(&slice, &route().service));
    assert_eq!(target(&slice.endpoints[0]), Some(("pod-uid", "10.0.0.1".parse().expect("an address"))));
    let mut unmarked = slice;
    unmarked.metadata.annotations = None;
    assert_eq!(auth_of(&unmarked), Auth::None, "a doubt ends closed");
}
