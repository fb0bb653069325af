//! The chart beside its sources: one truth for the CRD, a comment for each value, versions that agree.

use std::fs;

use crate::files::top;

#[test]
fn the_charts_crds_are_the_generated_ones() {
    for name in ["lambdaroute.dev_lambdaroutes.yaml", "lambdaroute.dev_lambdaaccesspolicies.yaml"] {
        let generated = fs::read_to_string(top().join("crds").join(name)).unwrap();
        // A link in the checkout; a copy would do, as long as it is the same.
        let shipped = fs::read_to_string(top().join("charts/lambdaroute/files/crds").join(name)).unwrap();
        assert!(shipped == generated, "charts/lambdaroute/files/crds/{name} differs from crds/{name}");
    }
}

#[test]
fn the_charts_app_version_is_the_workspaces() {
    let manifest = fs::read_to_string(top().join("Cargo.toml")).unwrap();
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().trim_matches('"');
    let chart: serde_json::Value =
        serde_yaml_ng::from_str(&fs::read_to_string(top().join("charts/lambdaroute/Chart.yaml")).unwrap()).unwrap();
    assert_eq!(chart["appVersion"], version);
}

#[test]
fn every_value_is_in_the_schema_and_every_one_of_the_schema_has_a_default() {
    let read = |name: &str| fs::read_to_string(top().join("charts/lambdaroute").join(name)).unwrap();
    let values: serde_json::Value = serde_yaml_ng::from_str(&read("values.yaml")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    compare("", &values, &schema, &schema);
}

fn compare(path: &str, values: &serde_json::Value, schema: &serde_json::Value, root: &serde_json::Value) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], false, "{path} lets a misspelt value pass");
    let values = values.as_object().unwrap_or_else(|| panic!("{path} is no map"));
    for (name, value) in values {
        assert!(properties.contains_key(name), "values.schema.json lacks {path}.{name}");
        compare(&format!("{path}.{name}"), value, &properties[name], root);
    }
    for name in properties.keys().filter(|name| *name != "global") {
        assert!(values.contains_key(name), "values.yaml lacks {path}.{name}");
    }
}
