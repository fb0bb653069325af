//! The cluster's own issuer and keys, as the API server publishes them (RBAC: `system:service-account-issuer-discovery`).

use http::Request;
use kube::Client;

use super::fetch_error::FetchError;
use super::state::Fetched;
use super::{discovery, jwks};

/// Reads both.
///
/// # Errors
/// Why they can't be had.
pub(super) async fn fetch(client: &Client) -> Result<Fetched, FetchError> {
    let document = get(client, "/.well-known/openid-configuration").await?;
    let issuer = discovery::issuer(document.as_bytes())?;
    let keys = get(client, "/openid/v1/jwks").await?;
    let public = jwks::public(keys.as_bytes())?;
    Ok(Fetched { public, max_age: None, issuer: Some(issuer) })
}

async fn get(client: &Client, path: &str) -> Result<String, FetchError> {
    let request = Request::get(path).body(Vec::new()).map_err(|_| FetchError::Broken)?;
    client.request_text(request).await.map_err(|error| {
        tracing::warn!(path, %error, "the API server doesn't give the cluster's keys");
        match error {
            kube::Error::Api(status) => FetchError::Status(status.code),
            _ => FetchError::Unreachable,
        }
    })
}
