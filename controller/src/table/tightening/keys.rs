//! Whether a change of a key set takes no key away. Pure.

use std::collections::{BTreeMap, BTreeSet};

use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::{Consumers, KeySet};
use serde_json::Value;

/// Whoever `old` recognises is recognised by `new`, as the same one.
pub(in crate::table) fn only_adds(old: &KeySet, new: &KeySet) -> bool {
    match (&old.keys, &new.keys) {
        (Some(Keys::Consumers(old)), Some(Keys::Consumers(new))) => {
            let (old, new) = (names(old), names(new));
            old.iter().all(|(digest, name)| new.get(digest) == Some(name))
        }
        (Some(Keys::Jwks(old)), Some(Keys::Jwks(new))) => match (keys(old), keys(new)) {
            (Some(old), Some(new)) => {
                // A second key under the id of another could stand in its place.
                let ids: BTreeSet<&str> = old.iter().filter_map(id).collect();
                let added = || new.iter().filter(|key| !old.contains(key));
                old.iter().all(|key| new.contains(key)) && !added().filter_map(id).any(|id| ids.contains(id))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The consumers of each digest, in their order.
fn names(consumers: &Consumers) -> BTreeMap<&[u8], Vec<&str>> {
    let mut names: BTreeMap<&[u8], Vec<&str>> = BTreeMap::new();
    for consumer in &consumers.consumers {
        for digest in &consumer.sha256 {
            names.entry(digest).or_default().push(&consumer.name);
        }
    }
    names
}

fn keys(jwks: &str) -> Option<Vec<Value>> {
    match serde_json::from_str::<Value>(jwks).ok()?.get_mut("keys")?.take() {
        Value::Array(keys) => Some(keys),
        _ => None,
    }
}

fn id(key: &Value) -> Option<&str> {
    key.get("kid")?.as_str()
}
