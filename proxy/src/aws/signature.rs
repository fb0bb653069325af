//! SigV4's arithmetic: the signing key by the official crate, and what a key signs. What is signed is decided in
//! [`crate::sign`].

use std::time::SystemTime;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign_to_buffer};
use aws_sigv4::sign::v4::generate_signing_key;

use super::SigningCredentials;
use crate::sha256::Digest;

/// The key of one day, Region and service. No `Debug`: it signs.
///
/// The official crate's `calculate_signature` is the same function (a test says so), but hashes the key anew for each
/// request and writes hex into a string of its own: see docs/signing.md for the figures.
pub(crate) struct SigningKey(Key);

impl SigningKey {
    /// `time` must be one of the day that the string to sign names.
    pub(crate) fn derive(credentials: &SigningCredentials, time: SystemTime, region: &str, service: &str) -> Self {
        let key = generate_signing_key(&credentials.secret_access_key, time, region, service);
        SigningKey(Key::new(HMAC_SHA256, key.as_ref()))
    }

    /// The signature of a string to sign. None: the cryptography failed, which it has no reason to.
    pub(crate) fn sign(&self, string_to_sign: &[u8]) -> Option<Digest> {
        let mut signature = Digest::default();
        sign_to_buffer(&self.0, string_to_sign, &mut signature).is_ok().then_some(signature)
    }
}
