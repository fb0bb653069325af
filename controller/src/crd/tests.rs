//! Which differences of a CRD matter.

use serde_json::json;

use super::*;

fn crd(schema: Value) -> Value {
    json!({"spec": {"versions": [{
        "name": "v1alpha1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}},
    }]}})
}

#[test]
fn the_built_in_crd_is_the_same_as_itself() {
    let crd = serde_json::to_value(lambdaroute_crds::crd()).expect("a value");
    assert_eq!(first_difference(&crd, &crd), None);
}

#[test]
fn what_the_api_server_adds_or_writes_otherwise_is_no_difference() {
    let ours = crd(json!({"properties": {"port": {"type": "integer", "minimum": 1, "nullable": null}}}));
    let mut theirs = crd(json!({
        "properties": {"port": {"type": "integer", "minimum": 1.0, "description": "The port."}},
        "required": [],
    }));
    theirs["spec"]["conversion"] = json!({"strategy": "None"});
    theirs["status"] = json!({"storedVersions": ["v1alpha1"]});
    assert_eq!(first_difference(&ours, &theirs), None);
}

#[test]
fn the_first_difference_is_named() {
    let ours = crd(json!({"properties": {"spec": {"maxLength": 63}, "auth": {"type": "object"}}}));
    let pruned = crd(json!({"properties": {"spec": {"maxLength": 63}}}));
    let longer = crd(json!({"properties": {"spec": {"maxLength": 64}, "auth": {"type": "object"}}}));
    let said = first_difference(&ours, &pruned).expect("a field is missing");
    assert!(said.contains("v1alpha1.schema.openAPIV3Schema.properties.auth"), "{said}");
    let said = first_difference(&ours, &longer).expect("a bound differs");
    assert!(said.contains("properties.spec.maxLength"), "{said}");
}

#[test]
fn a_version_that_is_missing_or_not_served_is_a_difference() {
    let ours = crd(json!({}));
    let mut unserved = ours.clone();
    unserved["spec"]["versions"][0]["served"] = json!(false);
    assert!(first_difference(&ours, &unserved).is_some_and(|said| said.contains("v1alpha1.served")));
    assert!(first_difference(&ours, &json!({"spec": {"versions": []}})).is_some());
}

#[test]
fn a_property_called_description_counts() {
    let ours = crd(json!({"properties": {"description": {"type": "string"}}}));
    let theirs = crd(json!({"properties": {}}));
    assert!(first_difference(&ours, &theirs).is_some());
}

#[test]
fn another_rule_is_a_difference() {
    let ours = crd(json!({"x-kubernetes-validations": [{"rule": "has(self.a)", "message": "give a"}]}));
    let theirs = crd(json!({"x-kubernetes-validations": []}));
    assert!(first_difference(&ours, &theirs).is_some());
}
