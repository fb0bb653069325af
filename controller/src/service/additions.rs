//! What a manifest adds to its Service for other tools: labels and annotations, judged, and told apart from everybody else's.
//! Pure. Never a key that is LambdaRoute's or Kubernetes' own: those say whose the Service is and where its traffic goes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Service;
use lambdaroute_crds::LambdaRoute;

use super::MANAGER;

/// The most bytes of annotations with their keys. All annotations of an object together have 256 KiB, of which what proxies
/// serve may take half.
/// Source: <https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/objectmeta.go>
const MOST_BYTES: usize = 64 * 1024;

/// The prefixes of keys that aren't a manifest's to give; also below the first one.
const OWN: [&str; 6] = [
    "lambdaroute.dev",
    "kubernetes.io",
    "k8s.io",
    "kubectl.kubernetes.io",
    "endpoints.kubernetes.io",
    "endpointslice.kubernetes.io",
];
/// Whole keys that aren't: who manages the Service, and what takes it away from kube-proxy.
const OWN_KEYS: [&str; 3] =
    ["app.kubernetes.io/managed-by", "service.kubernetes.io/headless", "service.kubernetes.io/service-proxy-name"];

/// What the manifest adds: labels, then annotations.
pub(super) fn of(route: &LambdaRoute) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let service = route.spec.service.clone().unwrap_or_default();
    (service.labels.unwrap_or_default(), service.annotations.unwrap_or_default())
}

/// Whether the API server would take it all, and it touches nothing that isn't the manifest's. The schema refuses it too; this is
/// for a cluster whose CRD isn't the one this was built with.
///
/// # Errors
/// The field, the key and the remedy.
pub fn judge(route: &LambdaRoute) -> Result<(), String> {
    let (labels, annotations) = of(route);
    for (field, added) in [("labels", &labels), ("annotations", &annotations)] {
        for key in added.keys() {
            if is_own(key) {
                return Err(format!("spec.service.{field}: {key} is LambdaRoute's or Kubernetes' own: remove it"));
            }
            if !is_key(key) {
                return Err(format!("spec.service.{field}: {key:?} is no key: it must be such as example.com/owner"));
            }
        }
    }
    if let Some((key, _)) = labels.iter().find(|(_, value)| !(value.is_empty() || is_name(value))) {
        return Err(format!(
            "spec.service.labels: the value of {key} must be at most 63 letters, digits, - _ and ., beginning and ending with a \
             letter or digit"
        ));
    }
    let bytes: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MOST_BYTES {
        return Err(format!("spec.service.annotations take {bytes} bytes, more than {MOST_BYTES}: shorten them"));
    }
    Ok(())
}

fn is_own(key: &str) -> bool {
    let prefix = key.split_once('/').map_or("", |(prefix, _)| prefix);
    OWN.contains(&prefix) || prefix.ends_with(".lambdaroute.dev") || OWN_KEYS.contains(&key)
}

/// A qualified name, with its prefix in lower case.
fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        None => is_name(key),
        Some((prefix, name)) => prefix.len() <= 253 && prefix.split('.').all(is_dns_label) && is_name(name),
    }
}

fn is_dns_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_name(name: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= 63
        && ends(name.bytes().next())
        && ends(name.bytes().last())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What an earlier manifest added and this one doesn't: keys of labels, then of annotations, that the controller wrote last (the
/// API server keeps account of that) and that aren't `desired`. Whatever somebody else wrote isn't among them.
pub(super) fn surplus(live: &Service, desired: &Service) -> (BTreeSet<String>, BTreeSet<String>) {
    let is_ours = |written: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry| {
        written.manager.as_deref() == Some(MANAGER) && written.subresource.as_deref().unwrap_or_default().is_empty()
    };
    let ours: Vec<_> = live.metadata.managed_fields.iter().flatten().filter(is_ours).collect();
    let of = |field: &str, live: Option<&BTreeMap<String, String>>, desired: Option<&BTreeMap<String, String>>| {
        let path = format!("/f:metadata/f:{field}");
        ours.iter()
            .filter_map(|written| written.fields_v1.as_ref()?.0.pointer(&path)?.as_object())
            .flat_map(|fields| fields.keys())
            .filter_map(|key| key.strip_prefix("f:"))
            .filter(|key| live.is_some_and(|live| live.contains_key(*key)))
            .filter(|key| !desired.is_some_and(|desired| desired.contains_key(*key)))
            .map(str::to_owned)
            .collect()
    };
    let (live, desired) = (&live.metadata, &desired.metadata);
    (
        of("labels", live.labels.as_ref(), desired.labels.as_ref()),
        of("annotations", live.annotations.as_ref(), desired.annotations.as_ref()),
    )
}

#[cfg(test)]
mod tests;
