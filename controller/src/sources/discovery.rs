//! An issuer's discovery document (OpenID Connect Discovery 1.0): where it is, and where it says that the keys are. Pure.

use serde::Deserialize;
use url::Url;

/// Why an issuer leads to no keys. The texts reach status: they never show a document's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// The issuer or the keys' URL can't be fetched.
    #[error("{0} is not an https URL without user and fragment")]
    Url(&'static str),
    /// No discovery document.
    #[error("the discovery document can't be read: it must be a JSON object with issuer and jwks_uri")]
    Unreadable,
    /// Somebody else's document. Source: OpenID Connect Discovery 1.0, section 4.3.
    #[error("the discovery document names another issuer than the manifest")]
    OtherIssuer,
}

/// What of the document is used.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    #[serde(default)]
    jwks_uri: String,
}

/// A URL that may be fetched: https, with a host, without user, password and fragment.
///
/// # Errors
/// [`DiscoveryError::Url`], with `what` as its subject.
pub fn https(what: &'static str, text: &str) -> Result<Url, DiscoveryError> {
    let url = Url::parse(text).map_err(|_| DiscoveryError::Url(what))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.has_host() && plain { Ok(url) } else { Err(DiscoveryError::Url(what)) }
}

/// Where an issuer's document is: below its path. Source: OpenID Connect Discovery 1.0, section 4.
///
/// # Errors
/// The issuer is no https URL.
pub fn document_url(issuer: &str) -> Result<Url, DiscoveryError> {
    let url = https("the issuer", issuer)?;
    if url.query().is_some() {
        return Err(DiscoveryError::Url("the issuer"));
    }
    https("the issuer", &format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))
}

/// Where this issuer's keys are, by its document.
///
/// # Errors
/// The document is another issuer's, or of no use.
pub fn keys_url(issuer: &str, document: &[u8]) -> Result<Url, DiscoveryError> {
    let document = read(document)?;
    if document.issuer != issuer {
        return Err(DiscoveryError::OtherIssuer);
    }
    https("jwks_uri of the discovery document", &document.jwks_uri)
}

/// Who speaks in a document that is trusted as it is: the API server's own.
///
/// # Errors
/// The document is of no use.
pub fn issuer(document: &[u8]) -> Result<String, DiscoveryError> {
    Ok(read(document)?.issuer)
}

fn read(document: &[u8]) -> Result<Document, DiscoveryError> {
    serde_json::from_slice(document).map_err(|_| DiscoveryError::Unreadable)
}

#[cfg(test)]
mod tests;
