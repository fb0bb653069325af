//! The CustomResourceDefinition as it is shipped: what the derive gives, without what Kubernetes doesn't need.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;

use crate::{LambdaAccessPolicy, LambdaRoute};

/// The CRD of LambdaRoute: what the YAML says, what the controller compares the served one with.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = shipped(LambdaRoute::crd());
    for version in &mut crd.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let properties = schema.and_then(|schema| schema.properties.as_mut());
        if let Some(status) = properties.and_then(|properties| properties.get_mut("status")) {
            // kstatus takes an object without a status for done: a tool that waits must not be quicker than the controller.
            status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
        }
    }
    crd
}

/// The CRDs of all kinds, LambdaRoute's first.
pub fn crds() -> [CustomResourceDefinition; 2] {
    [crd(), shipped(LambdaAccessPolicy::crd())]
}

fn shipped(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            tidy(schema);
        }
    }
    crd
}

/// A CRD's YAML, with a head that says where it comes from.
///
/// # Errors
/// Never in practice: the CRD is made of strings, numbers and maps.
pub fn yaml(crd: &CustomResourceDefinition) -> Result<String, serde_yaml_ng::Error> {
    let body = serde_yaml_ng::to_string(crd)?;
    Ok(format!("# Generated from crds/src by `cargo generate`: don't edit.\n{body}"))
}

/// An optional field is absent or given, never null: a null would reach the rules and the controller as a third case. And
/// descriptions flow.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.description = schema.description.take().map(|text| flowing(&text));
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        tidy(property);
    }
    if let Some(k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaPropsOrArray::Schema(
        items,
    )) = schema.items.as_mut()
    {
        tidy(items);
    }
}

/// A comment's lines end where the source's do; a description's where the reader's window does.
fn flowing(text: &str) -> String {
    text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests;
