//! Objects that can't be read whole.

use super::*;

fn object(spec: &str) -> DynamicObject {
    serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute, metadata: {{name: orders, namespace: shop, uid: u1}},
           spec: {spec}, status: {{targets: [{{functionARN: 'arn:f', state: Active}}]}}}}"
    ))
    .unwrap()
}

#[test]
fn a_readable_object_is_read() {
    let route = readable(object("{function: {name: orders}}"));
    assert_eq!(route.spec.function.as_ref().unwrap().name.as_deref(), Some("orders"));
    assert!(!route.annotations().contains_key(UNREADABLE));
}

#[test]
fn an_unreadable_spec_leaves_uid_and_status_to_delete_by() {
    let route = readable(object("{function: 7}"));
    assert!(route.annotations().contains_key(UNREADABLE));
    assert_eq!((route.uid().as_deref(), route.status.unwrap().targets.len()), (Some("u1"), 1));
}
