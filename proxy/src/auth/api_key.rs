//! API keys: the one value of a header, by its SHA-256. Pure.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use lambdaroute_proxy_config::v1alpha1;

use super::AuthError;
use crate::key_sets::consumers::Consumer;
use crate::key_sets::{KeySet, KeySetSlot, KeySets};
use crate::sha256::sha256;

/// A longer key is none.
const LONGEST: usize = 4 * 1024;

/// A method by API keys.
#[derive(Debug)]
pub(crate) struct ApiKeys {
    pub(crate) header: HeaderName,
    key_sets: Box<[Arc<KeySetSlot>]>,
}

impl ApiKeys {
    pub(crate) fn new(api_key: &v1alpha1::ApiKeyAuth, key_sets: &KeySets) -> Result<Self, AuthError> {
        let header = HeaderName::from_bytes(api_key.header.as_bytes());
        let header = header.map_err(|_| AuthError("the header of an API key is no header name"))?;
        Ok(ApiKeys { header, key_sets: api_key.key_sets.iter().map(|id| key_sets.slot(id)).collect() })
    }

    /// Whose key these headers hold. Two keys are none.
    pub(crate) fn find(&self, headers: &HeaderMap) -> Option<Arc<Consumer>> {
        let mut lines = headers.get_all(&self.header).iter();
        let key = lines.next().filter(|_| lines.next().is_none())?.as_bytes();
        if key.is_empty() || key.len() > LONGEST {
            return None;
        }
        let digest = sha256(key);
        self.key_sets.iter().find_map(|slot| match slot.keys.load().as_deref() {
            Some(KeySet::Consumers(consumers)) => consumers.find(&digest).cloned(),
            Some(KeySet::Jwks(_)) | None => None,
        })
    }

    /// Whether Authorization holds the same key: then it must not leave either.
    pub(crate) fn is_in_authorization(&self, headers: &HeaderMap) -> bool {
        let Some(key) = headers.get(&self.header).map(|key| key.as_bytes()) else { return false };
        headers.get_all(AUTHORIZATION).iter().any(|line| line.as_bytes().windows(key.len()).any(|part| part == key))
    }
}
