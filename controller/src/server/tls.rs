//! The server's TLS: whatever certificate is newest is shown; streams that are open keep the one that they began with.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why a certificate can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not PEM.
    #[error("the certificate or its key isn't pem: {0}")]
    Pem(#[from] rustls_pki_types::pem::Error),
    /// Not usable.
    #[error("the certificate and its key can't be used: {0}")]
    Tls(#[from] rustls::Error),
}

/// The certificate that is shown; none before the first one is there: handshakes fail until then.
#[derive(Clone, Debug, Default)]
pub struct Shown(Arc<ArcSwapOption<CertifiedKey>>);

impl Shown {
    /// Shows this one from now on.
    ///
    /// # Errors
    /// Both texts must be PEM and fit together; otherwise the one before is shown on.
    pub fn show(&self, certificate_pem: &str, key_pem: &str) -> Result<(), Error> {
        let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
        let certified = CertifiedKey::from_der(chain, key, &default_provider())?;
        self.0.store(Some(Arc::new(certified)));
        Ok(())
    }

    /// Accepts connections with it.
    ///
    /// # Errors
    /// Never in practice: the provider has the default versions.
    pub fn acceptor(&self) -> Result<TlsAcceptor, Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}
