//! Whom the controller trusts when it fetches keys: the system's CA certificates (`SSL_CERT_FILE` too), or Mozilla's where the
//! system has none, and those of a file of the operator's.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Why there is no trust.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file can't be read as certificates.
    #[error("can't read CA certificates (PEM) from {file} (--jwks-ca-file): {source}")]
    File {
        /// Its path.
        file: String,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file has none.
    #[error("{0} (--jwks-ca-file) has no CA certificate (PEM)")]
    Empty(String),
    /// One that TLS refuses.
    #[error("a CA certificate in {file} (--jwks-ca-file) can't be used: {source}")]
    Unusable {
        /// Its path.
        file: String,
        /// Why.
        source: rustls::Error,
    },
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A client's side of TLS. Blocks: it reads files.
///
/// # Errors
/// [`TrustError`].
pub fn client(ca_file: Option<&Path>) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        add(&mut roots, path)?;
    }
    let mut client = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(client)
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    let file = path.display().to_string();
    let unreadable = |source| TrustError::File { file: file.clone(), source };
    let before = roots.len();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        roots.add(certificate).map_err(|source| TrustError::Unusable { file: file.clone(), source })?;
    }
    if roots.len() == before { Err(TrustError::Empty(file)) } else { Ok(()) }
}
