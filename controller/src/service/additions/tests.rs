//! What a manifest may add to its Service, and what of a live one it added before.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use kube::ResourceExt;
use serde_json::json;

use super::*;

fn route(service: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: uid-1}}
spec: {{function: {{name: orders}}, service: {service}}}
"
    ))
    .unwrap()
}

#[test]
fn labels_and_annotations_of_other_tools_are_taken() {
    for service in [
        "{}",
        "{labels: {team: shop, app.kubernetes.io/part-of: shop, empty: ''}}",
        "{annotations: {prometheus.io/scrape: 'true', external-dns.alpha.kubernetes.io/hostname: orders.example.com}}",
        "{annotations: {service.kubernetes.io/topology-mode: Auto, note: 'any text: even {this}'}}",
    ] {
        assert_eq!(judge(&route(service)), Ok(()), "{service}");
    }
}

#[test]
fn keys_that_say_whose_the_service_is_or_where_its_traffic_goes_are_refused_by_name() {
    for key in [
        "lambdaroute.dev/route-uid",
        "lambdaroute.dev/programmed",
        "lambdaroute.dev/target",
        "x.lambdaroute.dev/y",
        "app.kubernetes.io/managed-by",
        "kubernetes.io/cluster-service",
        "k8s.io/x",
        "kubectl.kubernetes.io/last-applied-configuration",
        "endpointslice.kubernetes.io/managed-by",
        "endpoints.kubernetes.io/last-change-trigger-time",
        "service.kubernetes.io/service-proxy-name",
        "service.kubernetes.io/headless",
    ] {
        for field in ["labels", "annotations"] {
            let message = judge(&route(&format!("{{{field}: {{{key}: x}}}}"))).unwrap_err();
            assert!(message.contains(&format!("spec.service.{field}: {key} is")), "{message}");
        }
    }
}

#[test]
fn what_the_api_server_would_not_take_on_a_service_is_refused_before() {
    for (service, part) in [
        ("{labels: {'a b': x}}", r#"spec.service.labels: "a b" is no key"#),
        ("{labels: {Example.com/x: x}}", "is no key"),
        ("{labels: {a..b/x: x}}", "is no key"),
        ("{annotations: {example.com/: x}}", "is no key"),
        ("{labels: {team: 'a b'}}", "spec.service.labels: the value of team"),
        ("{labels: {team: -a}}", "the value of team"),
    ] {
        let message = judge(&route(service)).unwrap_err();
        assert!(message.contains(part), "{service}: {message}");
    }
    let long: BTreeMap<String, String> = (0..17).map(|key| (format!("key-{key}"), "x".repeat(4096))).collect();
    let message = judge(&route(&format!("{{annotations: {}}}", json!(long)))).unwrap_err();
    assert!(message.contains("more than 65536"), "{message}");
}

fn entry(manager: &str, operation: &str, fields: serde_json::Value) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        manager: Some(manager.to_owned()),
        operation: Some(operation.to_owned()),
        fields_v1: Some(FieldsV1(json!({"f:metadata": fields}))),
        ..ManagedFieldsEntry::default()
    }
}

#[test]
fn only_what_the_controller_wrote_and_nobody_wants_is_surplus() {
    let mut live = Service::default();
    for key in ["team", "stage", "theirs"] {
        live.labels_mut().insert(key.to_owned(), "x".to_owned());
        live.annotations_mut().insert(key.to_owned(), "x".to_owned());
    }
    live.metadata.managed_fields = Some(vec![
        entry(MANAGER, "Update", json!({"f:labels": {".": {}, "f:team": {}}})),
        entry(MANAGER, "Apply", json!({"f:labels": {"f:stage": {}}, "f:annotations": {"f:stage": {}, "f:gone": {}}})),
        entry(
            "kubectl",
            "Update",
            json!({"f:labels": {"f:theirs": {}}, "f:annotations": {"f:theirs": {}, "f:team": {}}}),
        ),
    ]);
    let mut desired = Service::default();
    desired.labels_mut().insert("team".to_owned(), "x".to_owned());
    let (labels, annotations) = surplus(&live, &desired);
    assert_eq!((labels, annotations), (BTreeSet::from(["stage".into()]), BTreeSet::from(["stage".into()])));
}
