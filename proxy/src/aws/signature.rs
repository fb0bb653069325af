//! SigV4's arithmetic, by the official crate: signing key and HMAC. What is signed is decided in [`crate::sign`].

use std::time::SystemTime;

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};

use super::SigningCredentials;

/// The hex signature of a string to sign. `time` must be the time that the string names.
pub(crate) fn signature(
    credentials: &SigningCredentials,
    time: SystemTime,
    region: &str,
    service: &str,
    string_to_sign: &str,
) -> String {
    let key = generate_signing_key(&credentials.secret_access_key, time, region, service);
    calculate_signature(key, string_to_sign.as_bytes())
}
