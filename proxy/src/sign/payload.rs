//! SHA-256 as SigV4 writes it: in hex. Without an allocation, and computed while a body arrives.

use http::HeaderValue;

use super::SignError;
use crate::sha256::{Digest, Sha256, sha256};

/// 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PayloadHash([u8; 64]);

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl PayloadHash {
    /// Of no bytes at all.
    pub(crate) const EMPTY: PayloadHash = match EMPTY.as_bytes().first_chunk() {
        Some(hex) => PayloadHash(*hex),
        None => PayloadHash([0; 64]),
    };

    /// Of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::from_digest(&sha256(bytes))
    }

    pub(super) fn from_digest(digest: &Digest) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        PayloadHash(hex)
    }

    pub(crate) fn hex(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn header_value(&self) -> Result<HeaderValue, SignError> {
        if *self == Self::EMPTY {
            return Ok(HeaderValue::from_static(EMPTY));
        }
        HeaderValue::from_bytes(&self.0).map_err(|_| SignError::Internal)
    }
}

/// Hashes a body piece by piece.
#[derive(Default)]
pub(crate) struct PayloadHasher(Option<Sha256>);

impl PayloadHasher {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0.get_or_insert_default().update(bytes);
        }
    }

    /// The hash of all bytes. A body without any costs nothing.
    pub(crate) fn finish(self) -> PayloadHash {
        self.0.map_or(PayloadHash::EMPTY, |hash| PayloadHash::from_digest(&hash.finish()))
    }
}
