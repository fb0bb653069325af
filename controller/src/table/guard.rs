//! What guards a route, as a digest: a slice tells it, so that a new leader sees what was tightened since. Pure. Two digests
//! that differ tell no order: the later one counts as tighter.

use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_proxy_config::v1alpha1::{KeySet, Route};
use prost::Message;
use sha2::{Digest, Sha256};

use super::tightening::guards;

/// What an endpoint is guarded by: the route's own part, then that of its key sets. Each is a digest in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guard {
    /// Of who may call, from where, and which guards there are.
    pub route: String,
    /// Of the keys in all key sets that the route refers to.
    pub keys: String,
}

impl Guard {
    /// As a slice's annotation has it.
    pub fn text(&self) -> String {
        format!("{}.{}", self.route, self.keys)
    }

    /// The reverse of [`Guard::text`]. None: unguarded, as far as anybody can tell.
    pub fn read(text: Option<&str>) -> Option<Self> {
        let (route, keys) = text?.split_once('.')?;
        Some(Self { route: route.to_owned(), keys: keys.to_owned() })
    }
}

/// The route's own part. None: nothing guards it.
pub(super) fn of_route(route: &Route) -> Option<String> {
    let mut guards: Vec<&String> = guards(route).collect();
    guards.sort();
    if route.auth.is_none() && route.source_ranges.is_none() && guards.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    // What isn't there is told from what is empty.
    for part in
        [route.auth.as_ref().map(Message::encode_to_vec), route.source_ranges.as_ref().map(Message::encode_to_vec)]
    {
        bytes.push(u8::from(part.is_some()));
        put(&mut bytes, &part.unwrap_or_default());
    }
    for guard in guards {
        put(&mut bytes, guard.as_bytes());
    }
    Some(digest(&bytes))
}

/// Of the keys in a set; their order says nothing.
pub(super) fn of_keys(keys: &KeySet) -> String {
    let mut each: Vec<Vec<u8>> = match &keys.keys {
        Some(Keys::Jwks(jwks)) => {
            let keys = serde_json::from_str::<serde_json::Value>(jwks).ok();
            let keys = keys.as_ref().and_then(|jwks| jwks.get("keys")?.as_array());
            keys.map_or_else(
                || vec![jwks.clone().into_bytes()],
                |keys| keys.iter().map(|key| key.to_string().into_bytes()).collect(),
            )
        }
        Some(Keys::Consumers(consumers)) => consumers.consumers.iter().map(Message::encode_to_vec).collect(),
        None => vec![],
    };
    each.sort();
    let mut bytes = vec![u8::from(matches!(keys.keys, Some(Keys::Jwks(_))))];
    for one in each {
        put(&mut bytes, &one);
    }
    digest(&bytes)
}

/// Of many digests, in their order.
pub(super) fn of_all<'a>(digests: impl Iterator<Item = &'a str>) -> String {
    let mut bytes = Vec::new();
    for one in digests {
        put(&mut bytes, one.as_bytes());
    }
    digest(&bytes)
}

/// With its length before it, so that no two lists read alike.
fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    bytes.extend(part);
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..16])
}
