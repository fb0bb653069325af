//! To a controller's address: TLS under the contract's fixed name, whatever the address, trusting the CA file alone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lambdaroute_proxy_config::SERVER_NAME;
use rand::seq::SliceRandom;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::Ended;
use crate::args::HostPort;
use crate::error_chain::chain;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// A dead stream is noticed after the interval and the timeout.
const PING_INTERVAL: Duration = Duration::from_secs(3);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// All addresses of all controllers, each once, in random order: proxies spread, and none clings to a dead address.
pub(super) async fn addresses(controllers: &[HostPort]) -> Vec<SocketAddr> {
    let mut found = BTreeSet::new();
    for HostPort { host, port } in controllers {
        match tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host.as_str(), *port))).await {
            Ok(Ok(addresses)) => found.extend(addresses),
            Ok(Err(error)) => tracing::warn!(host, %error, "can't resolve the controller's name"),
            Err(_) => tracing::warn!(host, "resolving the controller's name takes too long"),
        }
    }
    let mut addresses: Vec<SocketAddr> = found.into_iter().collect();
    addresses.shuffle(&mut rand::rng());
    addresses
}

/// A channel to the address. The CA file is read each time: it is rotated.
pub(super) async fn channel(address: SocketAddr, ca_file: &Path) -> Result<Channel, Ended> {
    let ca = read(ca_file).await?;
    let tls = ClientTlsConfig::new().domain_name(SERVER_NAME).ca_certificate(Certificate::from_pem(ca));
    let failed = |error: tonic::transport::Error| Ended::Connect(chain(&error));
    let endpoint = Endpoint::from_shared(format!("https://{address}"))
        .map_err(failed)?
        .tls_config(tls)
        .map_err(failed)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(true)
        .tcp_nodelay(true);
    match tokio::time::timeout(CONNECT_TIMEOUT * 2, endpoint.connect()).await {
        Ok(channel) => channel.map_err(failed),
        Err(_) => Err(Ended::Connect("no TLS connection in time".to_owned())),
    }
}

/// `Bearer <token>`; the file is read each time: the kubelet rotates it.
pub(super) async fn bearer(token_file: &Path) -> Result<MetadataValue<Ascii>, Ended> {
    let token = String::from_utf8_lossy(&read(token_file).await?).trim().to_owned();
    let mut bearer: MetadataValue<Ascii> = format!("Bearer {token}").parse().map_err(|_| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidData, "not a token");
        Ended::File(token_file.to_owned(), error)
    })?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

async fn read(path: &Path) -> Result<Vec<u8>, Ended> {
    tokio::fs::read(path).await.map_err(|error| Ended::File(path.to_owned(), error))
}
