//! Connecting: look up, race the addresses (RFC 8305), TLS. Shared by all workers: sessions to resume are of use to each.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use hyper_rustls::ConfigBuilderExt;
use rustix::net::sockopt;
use rustls::ClientConfig;
use rustls::client::Resumption;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::origin::{Host, Origin};
use super::resolver::{ResolveError, Resolver};

/// How long an attempt has before the next address is tried beside it: RFC 8305 section 5.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// A silent invocation may last 15 minutes; NAT gateways forget a connection after 350 s.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
/// Servers whose TLS sessions are kept to resume.
const SESSIONS: usize = 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// No address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No address took the connection; the last one's reason.
    #[error("connecting to {0}")]
    Tcp(SocketAddr, #[source] io::Error),
    /// The name has no address.
    #[error("the name has no address")]
    NoAddress,
    /// The TLS handshake failed.
    #[error("TLS handshake")]
    Tls(#[source] io::Error),
}

/// A connection, ready to speak HTTP on.
pub(crate) enum Connected {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What connecting needs.
#[derive(Default)]
pub(crate) struct Connector {
    resolver: Resolver,
    tls: OnceLock<TlsConnector>,
}

impl Connector {
    /// Connects. The caller limits the time of the whole.
    pub(crate) async fn connect(&self, origin: &Origin) -> Result<Connected, ConnectError> {
        let addresses = match &origin.host {
            Host::Address(address) => vec![*address],
            Host::Name { name, absolute } => self.resolver.addresses(name, *absolute).await?,
        };
        let stream = race(&addresses, origin.port).await?;
        prepare(&stream);
        let Some(name) = &origin.tls else { return Ok(Connected::Plain(stream)) };
        let tls = self.tls.get_or_init(tls_connector);
        let stream = tls.connect(name.clone(), stream).await.map_err(ConnectError::Tls)?;
        Ok(Connected::Tls(Box::new(stream)))
    }
}

/// The first address that takes the connection. A failed attempt begins the next one at once.
async fn race(addresses: &[IpAddr], port: u16) -> Result<TcpStream, ConnectError> {
    let mut left = addresses.iter().map(|&address| SocketAddr::new(address, port));
    let mut attempts = FuturesUnordered::new();
    let mut last = ConnectError::NoAddress;
    loop {
        let more = left.next();
        let is_last = more.is_none();
        if let Some(address) = more {
            attempts.push(async move { TcpStream::connect(address).await.map_err(|e| ConnectError::Tcp(address, e)) });
        }
        let ended = if is_last {
            attempts.next().await
        } else {
            match tokio::time::timeout(ATTEMPT_DELAY, attempts.next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => last = error,
            None => return Err(last),
        }
    }
}

/// What fails here costs speed alone.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, TCP_KEEPALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, TCP_KEEPALIVE);
}

/// Trusts the system's CA certificates (`SSL_CERT_FILE` too), or Mozilla's where the system has none.
fn tls_connector() -> TlsConnector {
    let builder = ClientConfig::builder();
    let builder = match builder.clone().with_native_roots() {
        Ok(builder) => builder,
        Err(error) => {
            tracing::info!(%error, "no CA certificates on the system; Mozilla's are used");
            builder.with_webpki_roots()
        }
    };
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    TlsConnector::from(Arc::new(config))
}

/// Says which cryptography TLS uses; once a process, before the first connection.
pub(crate) fn choose_cryptography() {
    // An error means that it has been chosen before.
    let _: Result<(), Arc<_>> = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

#[cfg(test)]
mod tests;
