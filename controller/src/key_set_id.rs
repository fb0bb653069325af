//! Names of key sets in the route table: one source of keys has one name, whoever asks, so that it is shipped once. Pure.

use sha2::{Digest, Sha256};

use crate::programming::KeySetId;

impl KeySetId {
    /// The consumers that a method of a route names itself. It comes and goes with the route.
    pub fn consumers(route_uid: &str, method: &str) -> Self {
        Self(format!("consumers/{route_uid}/{method}"))
    }

    /// The consumers of a Secret.
    pub fn secret(namespace: &str, name: &str) -> Self {
        Self(format!("secret/{namespace}/{name}"))
    }

    /// The keys of an issuer: at `jwks_uri`, or where its discovery document says. The two are different sources, even if they
    /// lead to the same place.
    pub fn jwks(issuer: &str, jwks_uri: Option<&str>) -> Self {
        let source = jwks_uri.map_or_else(|| format!("issuer {issuer}"), ToOwned::to_owned);
        Self(format!("jwks/{}", hex::encode(Sha256::digest(source))))
    }

    /// The keys by which this cluster signs tokens of ServiceAccounts.
    pub fn cluster() -> Self {
        Self("cluster".to_owned())
    }
}

#[cfg(test)]
mod tests;
