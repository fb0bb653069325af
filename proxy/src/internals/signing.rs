//! The signer, as a worker has it.

use std::time::SystemTime;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method};

use crate::aws::SigningCredentials;
use crate::canonical::Target;
use crate::sign::{PayloadHash, Signable, Signer};

/// A key to sign with. Each has a generation of its own.
pub struct Credentials(SigningCredentials);

impl Credentials {
    /// # Errors
    /// The session token isn't a header value.
    pub fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Result<Self, String> {
        let token = session_token.map(str::to_owned);
        let credentials =
            aws_credential_types::Credentials::new(access_key_id, secret_access_key, token, None, "internals");
        SigningCredentials::new(&credentials).map(Credentials)
    }
}

/// The hash of a body.
pub struct Hash(PayloadHash);

impl Hash {
    /// Of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Hash(PayloadHash::of(body))
    }
}

/// What is signed, besides target and headers.
pub struct Request<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// Of its body.
    pub hash: &'a Hash,
    /// Whether `x-amz-content-sha256` is sent.
    pub hash_header: bool,
    /// The scope's Region.
    pub region: &'a str,
    /// When it is signed.
    pub time: SystemTime,
}

/// What a worker keeps: a target and a signer.
#[derive(Default)]
pub struct Signing {
    target: Target,
    signer: Signer,
}

impl Signing {
    /// Reads a caller's target; returns the one to send.
    ///
    /// # Errors
    /// It is too long.
    pub fn read(&mut self, path: &str, query: Option<&str>) -> Result<PathAndQuery, String> {
        self.target.read(path, query);
        self.target.to_send(None).map_err(|error| error.to_string())
    }

    /// Path and query of the canonical request for the target that was read last.
    pub fn signed_target(&self) -> &[u8] {
        self.target.signed()
    }

    /// Signs a request for the target that was read last.
    ///
    /// # Errors
    /// It can't be signed.
    pub fn sign(
        &mut self,
        headers: &mut HeaderMap,
        request: &Request<'_>,
        credentials: &Credentials,
    ) -> Result<(), String> {
        let Request { method, hash, hash_header, region, time } = *request;
        let signable = Signable { method, target: &self.target, payload: &hash.0, payload_header: hash_header };
        self.signer.sign(headers, &signable, &credentials.0, region, time).map_err(|error| error.to_string())
    }
}
