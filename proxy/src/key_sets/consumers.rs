//! Consumers by the SHA-256 of their API keys. Pure; keys themselves are never here.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderValue;
use lambdaroute_proxy_config::v1alpha1;

use crate::auth::header_text::header_text;

/// SHA-256.
pub(crate) type Digest = [u8; 32];

/// Who is recognised by a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) name: Box<str>,
    /// The name as the function is told it.
    pub(crate) header: HeaderValue,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Consumers {
    /// By digest.
    entries: Box<[(Digest, Arc<Consumer>)]>,
}

/// Why nobody can be recognised by it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConsumersError {
    #[error("a consumer has no name")]
    NoName,
    #[error("consumer {0:?}: a digest must be the 32 bytes of SHA-256")]
    Digest(String),
    #[error("consumers {0:?} and {1:?} have the same key: it can't tell who calls")]
    Shared(String, String),
}

impl Consumers {
    /// # Errors
    /// A consumer without a name, what is no digest, or one key of two consumers.
    pub(crate) fn new(consumers: &v1alpha1::Consumers) -> Result<Self, ConsumersError> {
        let mut entries: Vec<(Digest, Arc<Consumer>)> = Vec::new();
        for consumer in &consumers.consumers {
            let no_name = ConsumersError::NoName;
            let header = header_text(&consumer.name).filter(|_| !consumer.name.is_empty()).ok_or(no_name)?;
            let shared = Arc::new(Consumer { name: consumer.name.as_str().into(), header });
            for digest in &consumer.sha256 {
                let wrong = |_| ConsumersError::Digest(consumer.name.clone());
                entries.push((Digest::try_from(digest.as_slice()).map_err(wrong)?, shared.clone()));
            }
        }
        entries.sort_by_key(|(digest, _)| *digest);
        entries.dedup_by(|a, b| a.0 == b.0 && a.1.name == b.1.name);
        if let Some([a, b]) = entries.array_windows().find(|[a, b]| a.0 == b.0) {
            return Err(ConsumersError::Shared(a.1.name.to_string(), b.1.name.to_string()));
        }
        Ok(Consumers { entries: entries.into() })
    }

    /// Whose key has this digest. The first 8 bytes find the place, in a time that depends on them; the rest is compared in
    /// constant time. What the search can tell is of digests alone, and a digest's first bytes lead to no key: a caller would
    /// have to find a preimage.
    pub(crate) fn find(&self, digest: &Digest) -> Option<&Arc<Consumer>> {
        let start = |of: &Digest| of.first_chunk::<8>().copied();
        let first = self.entries.partition_point(|(entry, _)| start(entry) < start(digest));
        let candidates = self.entries[first..].iter().take_while(|(entry, _)| start(entry) == start(digest));
        let mut found = None;
        for (entry, consumer) in candidates {
            if verify_slices_are_equal(entry, digest).is_ok() {
                found = Some(consumer);
            }
        }
        found
    }
}
