//! What all contenders are set to: one function URL, one caller's key, one limit that nobody reaches, and the two origins
//! that stand for AWS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use lambdaroute_load::Origin;
use lambdaroute_tests::credentials::AwsCredentials;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::PrivateKeyDer;

use crate::cores;

/// The function URL's host.
pub(crate) const HOST: &str = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws";
/// Its Region.
pub(crate) const REGION: &str = "eu-west-1";
/// The one caller's key.
pub(crate) const API_KEY: &str = "5f1d3c7a9b2e4f60817263544a5b6c7d";
/// Requests a second that the limit allows.
pub(crate) const LIMIT: u32 = 1_000_000;

/// How a contender reaches its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Plain,
    Tls,
}

impl Transport {
    pub(crate) const ALL: [Self; 2] = [Self::Plain, Self::Tls];

    /// For the report.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Plain => "plaintext upstream",
            Self::Tls => "TLS upstream",
        }
    }
}

/// The origins, and who trusts them.
pub(crate) struct Upstreams {
    pub(crate) plain: Origin,
    pub(crate) tls: Origin,
    /// PEM of the certificate of the TLS origin, for `localhost`.
    pub(crate) certificate: PathBuf,
}

impl Upstreams {
    /// Starts both; what contenders must trust goes to `directory`.
    pub(crate) fn start(directory: &Path) -> anyhow::Result<Self> {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).context("make a certificate")?;
        let certificate = directory.join("origin.pem");
        std::fs::write(&certificate, cert.pem())?;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
        let mut tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let plain = Origin::start(cores::OWN, None)?;
        let tls = Origin::start(cores::OWN, Some(Arc::new(tls)))?;
        Ok(Self { plain, tls, certificate })
    }

    /// The origin of a transport.
    pub(crate) fn origin(&self, transport: Transport) -> &Origin {
        match transport {
            Transport::Plain => &self.plain,
            Transport::Tls => &self.tls,
        }
    }
}

/// What requests are signed with.
pub(crate) fn credentials() -> AwsCredentials {
    AwsCredentials {
        session_token: Some("IQoJb3JpZ2luX2VjE".repeat(24)),
        ..AwsCredentials::key("ASIABENCHMARKEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }
}
