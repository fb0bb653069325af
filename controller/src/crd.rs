//! Whether the served CRD is the one that this controller was built with: with another one, fields could be pruned
//! silently, also such that restrict access. Pure.

pub mod watch;

use serde_json::Value;

/// The first difference between two CRDs that matters, with the remedy. Pure. For each version of the built-in one:
/// whether it is served, its schema and its subresources; descriptions, columns and other versions don't matter.
pub fn first_difference(built_in: &Value, served: &Value) -> Option<String> {
    let versions = |crd: &Value| crd.pointer("/spec/versions").and_then(Value::as_array).cloned().unwrap_or_default();
    let served_versions = versions(served);
    versions(built_in).iter().find_map(|version| {
        let name = version.get("name").and_then(Value::as_str).unwrap_or_default();
        let remedy = "upgrade the CRD or the controller, so that both are of one release";
        let Some(other) = served_versions.iter().find(|other| other.get("name") == version.get("name")) else {
            return Some(format!("the served CRD has no version {name}: {remedy}"));
        };
        ["served", "schema", "subresources"].iter().find_map(|part| {
            let (ours, theirs) = (version.get(*part), other.get(*part));
            let at = compare(&format!("{name}.{part}"), ours.unwrap_or(&Value::Null), theirs.unwrap_or(&Value::Null))?;
            Some(format!(
                "the served CRD is not the one that this controller was built with, it differs at {at}: {remedy}"
            ))
        })
    })
}

/// Where two values differ. What Kubernetes doesn't tell apart isn't told apart: null, false, empty and absent; 1 and 1.0.
fn compare(at: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let names = ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
            names.filter(|name| *name != "description" || !is_text(ours.get(*name), theirs.get(*name))).find_map(
                |name| {
                    let get = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                    compare(&format!("{at}.{name}"), &get(ours), &get(theirs))
                },
            )
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            let pairs = ours.iter().zip(theirs).enumerate();
            pairs.into_iter().find_map(|(index, (ours, theirs))| compare(&format!("{at}[{index}]"), ours, theirs))
        }
        (Value::Number(ours), Value::Number(theirs)) if ours.as_f64() == theirs.as_f64() => None,
        (ours, theirs) if ours == theirs || is_nothing(ours) && is_nothing(theirs) => None,
        _ => Some(at.to_owned()),
    }
}

/// A property may be called `description`, too: then it is a schema.
fn is_text(ours: Option<&Value>, theirs: Option<&Value>) -> bool {
    [ours, theirs].into_iter().flatten().all(Value::is_string)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
