//! The field reference, written from the CRD's own schema, so that it can't say anything else.

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};

/// The reference of every field of spec and status of all kinds, as Markdown.
pub fn reference(crds: &[CustomResourceDefinition]) -> String {
    let mut text = "# Field reference\n\nGenerated from `crds/src` by `cargo generate`: don't edit. The whole manifest by example is in the \
                    [README](../README.md).\n"
        .to_owned();
    for crd in crds {
        kind(&mut text, crd);
    }
    text
}

fn kind(text: &mut String, crd: &CustomResourceDefinition) {
    let _ = write!(text, "\n## `{}`\n", crd.spec.names.kind);
    for version in &crd.spec.versions {
        let _ = write!(text, "\n`apiVersion: {}/{}`\n", crd.spec.group, version.name);
        let Some(root) = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()) else {
            continue;
        };
        for section in ["spec", "status"] {
            let Some(schema) = root.properties.as_ref().and_then(|properties| properties.get(section)) else {
                continue;
            };
            let _ = write!(text, "\n### {section}\n\n| field | type | meaning |\n|---|---|---|\n");
            rows(text, section, schema);
        }
        let _ = write!(text, "\n### Rules across fields\n\n");
        rules(text, root);
    }
}

fn rows(text: &mut String, path: &str, schema: &JSONSchemaProps) {
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        let required = schema.required.iter().flatten().any(|required| required == name);
        let description = property.description.as_deref().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{path}` | {}{} | {description} |",
            type_of(property),
            if required { ", required" } else { "" }
        );
        match &property.items {
            Some(JSONSchemaPropsOrArray::Schema(items)) => rows(text, &format!("{path}[]"), items),
            _ => rows(text, &path, property),
        }
    }
}

fn type_of(schema: &JSONSchemaProps) -> String {
    let mut text = match (schema.type_.as_deref(), &schema.items) {
        (Some("array"), Some(JSONSchemaPropsOrArray::Schema(items))) => match items.type_.as_deref() {
            Some("object") => "list of objects".to_owned(),
            _ => format!("list of {}", type_of(items)),
        },
        (Some("object"), _) if schema.additional_properties.is_some() => "map of string to string".to_owned(),
        (type_, _) => type_.unwrap_or("any").to_owned(),
    };
    if let Some(values) = &schema.enum_ {
        let values: Vec<_> = values.iter().filter_map(|value| value.0.as_str()).map(|v| format!("`{v}`")).collect();
        text = values.join(" or ");
    }
    if let Some(max) = schema.max_length {
        let _ = write!(text, ", at most {max} characters");
    }
    if let Some(max) = schema.max_items.or(schema.max_properties) {
        let _ = write!(text, ", at most {max}");
    }
    if let (Some(min), Some(max)) = (schema.minimum, schema.maximum) {
        let _ = write!(text, " {min} to {max}");
    }
    text
}

fn rules(text: &mut String, schema: &JSONSchemaProps) {
    for rule in schema.x_kubernetes_validations.iter().flatten() {
        if let Some(message) = rule.message.as_deref() {
            let _ = writeln!(text, "- {message}");
        }
    }
    for property in schema.properties.iter().flatten().map(|(_, property)| property) {
        rules(text, property);
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &property.items {
            rules(text, items);
        }
    }
}
