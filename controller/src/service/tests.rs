//! The Service of a user's route.

use super::*;

fn route(spec: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: uid-1, labels: {{team: shop}}}}
spec: {spec}
"
    ))
    .unwrap()
}

fn target() -> FunctionTarget {
    FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:orders").unwrap()
}

/// As the API server answers it.
fn live(port: u16) -> Service {
    let route = route(&format!("{{function: {{name: orders}}, service: {{port: {port}}}}}"));
    let mut live = desired(&route, 10001, &target(), None);
    live.metadata.uid = Some("s-uid".into());
    live.metadata.resource_version = Some("7".into());
    live.annotations_mut().insert("somebody.else/note".into(), "kept".into());
    if let Some(spec) = &mut live.spec {
        spec.cluster_ip = Some("10.0.0.7".into());
        spec.ip_families = Some(vec!["IPv4".into()]);
    }
    live
}

#[test]
fn a_route_gets_a_service_of_its_own_name_at_port_80_without_its_labels() {
    let service = desired(&route("{function: {name: orders}}"), 10001, &target(), None);
    assert_eq!((service.name_any().as_str(), service.namespace().as_deref()), ("orders", Some("shop")));
    assert!(!service.labels().contains_key("team"));
    assert_eq!(target_port(&service), Some(10001));
    let spec = service.spec.as_ref().unwrap();
    assert_eq!(spec.selector, None);
    let port = &spec.ports.as_ref().unwrap()[0];
    assert_eq!((port.port, port.app_protocol.as_deref()), (80, Some("http")));
    assert!(is_ours(&service, "uid-1"));
    assert!(!is_ours(&service, "uid-2"), "a route made again is another one");
}

#[test]
fn name_and_port_are_the_manifests() {
    let route = route("{function: {name: orders}, service: {name: orders-api, port: 8080}}");
    assert_eq!((name(&route).as_str(), port(&route)), ("orders-api", 8080));
}

#[test]
fn a_service_that_is_as_it_should_be_is_left_alone() {
    let wanted = desired(&route("{function: {name: orders}}"), 10001, &target(), None);
    assert_eq!(change(&live(80), &wanted), None);
}

#[test]
fn a_changed_target_port_or_annotation_is_applied() {
    let other_port = desired(&route("{function: {name: orders}}"), 10002, &target(), None);
    assert_eq!(change(&live(80), &other_port), Some(Change::Apply));
    let mut tampered = live(80);
    tampered.labels_mut().remove(ROUTE_UID);
    let wanted = desired(&route("{function: {name: orders}}"), 10001, &target(), None);
    assert_eq!(change(&tampered, &wanted), Some(Change::Apply));
}

#[test]
fn what_apply_cannot_take_away_is_replaced_and_others_notes_stay() {
    let wanted = desired(&route("{function: {name: orders}, service: {port: 8080}}"), 10001, &target(), None);
    let mut selecting = live(8080);
    selecting.spec.as_mut().unwrap().selector = Some(BTreeMap::from([("app".into(), "mine".into())]));
    for live in [live(80), selecting] {
        let Some(Change::Replace(replaced)) = change(&live, &wanted) else { panic!("not replaced") };
        assert_eq!(replaced.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(replaced.annotations().get("somebody.else/note").map(String::as_str), Some("kept"));
        let spec = replaced.spec.as_ref().unwrap();
        assert_eq!(spec.ports.as_ref().unwrap().len(), 1);
        assert_eq!((spec.ports.as_ref().unwrap()[0].port, spec.selector.as_ref()), (8080, None));
        assert_eq!(change(&replaced, &wanted), None);
    }
}

fn added(labels: &str, annotations: &str) -> LambdaRoute {
    route(&format!("{{function: {{name: orders}}, service: {{labels: {labels}, annotations: {annotations}}}}}"))
}

/// The account that the API server keeps of a field manager's writes.
fn written_by(
    manager: &str,
    fields: serde_json::Value,
) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry {
        manager: Some(manager.to_owned()),
        fields_v1: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1(fields)),
        ..Default::default()
    }
}

#[test]
fn what_the_manifest_adds_is_on_the_service_beside_our_own() {
    let service = desired(&added("{team: shop}", "{example.com/owner: shop}"), 10001, &target(), None);
    assert_eq!(service.labels().get("team").map(String::as_str), Some("shop"));
    assert_eq!(service.annotations().get("example.com/owner").map(String::as_str), Some("shop"));
    assert_eq!(service.labels().get(MANAGED_BY.0).map(String::as_str), Some(MANAGED_BY.1));
    assert_eq!(service.annotations().get(TARGET).cloned(), Some(target().arn()));
    assert_eq!(change(&live(80), &service), Some(Change::Apply), "one apply adds it");
}

#[test]
fn what_the_manifest_adds_never_takes_the_place_of_our_own() {
    let manifest =
        added("{app.kubernetes.io/managed-by: me, lambdaroute.dev/route-uid: x}", "{lambdaroute.dev/target: x}");
    let service = desired(&manifest, 10001, &target(), None);
    assert_eq!(service.labels().get(MANAGED_BY.0).map(String::as_str), Some(MANAGED_BY.1));
    assert_eq!(service.labels().get(ROUTE_UID).map(String::as_str), Some("uid-1"));
    assert_eq!(service.annotations().get(TARGET).cloned(), Some(target().arn()));
}

#[test]
fn what_the_manifest_adds_no_more_goes_and_somebody_elses_stays() {
    let mut live = live(80);
    live.labels_mut().insert("team".into(), "shop".into());
    live.annotations_mut().insert("example.com/owner".into(), "shop".into());
    live.metadata.managed_fields = Some(vec![
        written_by(
            MANAGER,
            serde_json::json!({"f:metadata": {"f:labels": {"f:team": {}}, "f:annotations": {"f:example.com/owner": {}}}}),
        ),
        written_by("kubectl", serde_json::json!({"f:metadata": {"f:annotations": {"f:somebody.else/note": {}}}})),
    ]);
    assert_eq!(
        change(&live, &desired(&added("{team: shop}", "{example.com/owner: shop}"), 10001, &target(), None)),
        None
    );
    let wanted = desired(&route("{function: {name: orders}}"), 10001, &target(), None);
    let Some(Change::Replace(replaced)) = change(&live, &wanted) else { panic!("not replaced") };
    assert!(!replaced.labels().contains_key("team"));
    assert!(!replaced.annotations().contains_key("example.com/owner"));
    assert_eq!(replaced.annotations().get("somebody.else/note").map(String::as_str), Some("kept"));
    assert!(replaced.labels().contains_key(ROUTE_UID) && replaced.annotations().contains_key(TARGET));
}
