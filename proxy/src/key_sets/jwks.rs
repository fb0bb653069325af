//! A JSON Web Key Set (RFC 7517), parsed once when it arrives. Pure, but for what it remembers of tokens that it verified.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::jwk::{Key, SkippedKey};
use super::verified::Verified;
use crate::auth::claims::Claims;
use crate::auth::token::Token;

/// A token that names no key is tried against as many at most: verifying is dear.
const UNNAMED: usize = 4;

/// See the module.
#[derive(Debug)]
pub(crate) struct Jwks {
    keys: Box<[Key]>,
    /// Keys that can't be used, by their place in the set.
    pub(crate) skipped: Box<[(usize, SkippedKey)]>,
    /// What these keys have signed. It goes with the set: a key that is gone has signed nothing.
    verified: Verified,
}

/// It is no JWKS at all. A single key that can't be used is only left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key set is not a JWKS: expected a JSON object with a list of keys (RFC 7517)")]
pub(crate) struct JwksError;

/// What a set says of a token.
#[derive(Debug)]
pub(crate) enum Signed {
    /// One of the keys signed it.
    Yes(std::sync::Arc<Claims>),
    /// None did.
    No,
    /// It names a key that isn't here: the set may be old.
    UnknownKey,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl Jwks {
    /// # Errors
    /// It is no JWKS.
    pub(crate) fn new(text: &str) -> Result<Self, JwksError> {
        let document: Document<'_> = serde_json::from_str(text).map_err(|_| JwksError)?;
        let (mut keys, mut skipped) = (Vec::with_capacity(document.keys.len()), Vec::new());
        for (index, jwk) in document.keys.iter().enumerate() {
            match Key::new(jwk) {
                Ok(key) => keys.push(key),
                Err(reason) => skipped.push((index, reason)),
            }
        }
        Ok(Jwks { keys: keys.into(), skipped: skipped.into(), verified: Verified::default() })
    }

    /// The claims of a token that these keys have verified before, by the SHA-256 of it all, signature included.
    pub(crate) fn verified(&self, digest: &[u8; 32]) -> Option<std::sync::Arc<Claims>> {
        self.verified.get(digest)
    }

    /// Verifies a token. What it claims is read only after that.
    pub(crate) fn verify(&self, token: &Token<'_>, digest: &[u8; 32]) -> Signed {
        let Some(signature) = token.signature() else { return Signed::No };
        let by = |key: &Key| key.verify(token.algorithm, token.signed, &signature);
        let is_signed = match &token.key_id {
            Some(id) => {
                let mut named = self.keys.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
                if named.peek().is_none() {
                    return Signed::UnknownKey;
                }
                named.any(by)
            }
            None => {
                let fitting = || self.keys.iter().filter(|key| key.is_for(token.algorithm));
                fitting().count() <= UNNAMED && fitting().any(by)
            }
        };
        let claims = if is_signed { token.payload().and_then(|payload| Claims::parse(&payload)) } else { None };
        let Some(claims) = claims else { return Signed::No };
        let claims = std::sync::Arc::new(claims);
        self.verified.put(digest, token.length, &claims);
        Signed::Yes(claims)
    }
}
