//! SigV4's arithmetic: the signing key by the official crate, and what a key signs. What is signed is decided in
//! [`crate::sign`].

use std::time::SystemTime;

use aws_sigv4::sign::v4::generate_signing_key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::SigningCredentials;

/// The key of one day, Region and service. No `Debug`: it signs.
///
/// The official crate's `calculate_signature` is the same function (a test says so), but hashes the key anew for each
/// request and writes hex into a string of its own: see docs/signing.md for the figures.
pub(crate) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// `time` must be one of the day that the string to sign names.
    pub(crate) fn derive(
        credentials: &SigningCredentials,
        time: SystemTime,
        region: &str,
        service: &str,
    ) -> Option<Self> {
        let key = generate_signing_key(&credentials.secret_access_key, time, region, service);
        Hmac::new_from_slice(key.as_ref()).ok().map(SigningKey)
    }

    /// The signature of a string to sign.
    pub(crate) fn sign(&self, string_to_sign: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(string_to_sign);
        mac.finalize().into_bytes().into()
    }
}
