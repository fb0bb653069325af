//! Requests as they are, over TLS to AWS or plainly to an emulator; each on a connection of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::credentials::AwsCredentials;
use crate::signature;

const LONGEST: Duration = Duration::from_secs(60);

/// Sends a request to a host, signed for `lambda` where credentials are given. `endpoint`: dialled in AWS's place.
pub(super) async fn send(
    endpoint: Option<SocketAddr>,
    host: &str,
    region: &str,
    credentials: Option<&AwsCredentials>,
    mut request: Request<Bytes>,
) -> anyhow::Result<Response<Bytes>> {
    request.headers_mut().insert(header::HOST, HeaderValue::from_str(host)?);
    if let Some(credentials) = credentials {
        signature::sign(&mut request, credentials, "lambda", region, SystemTime::now())?;
    }
    let sent = async {
        match endpoint {
            Some(address) => exchange(TcpStream::connect(address).await?, request).await,
            None => {
                let stream = TcpStream::connect((host, 443)).await.with_context(|| format!("connect to {host}"))?;
                let name = ServerName::try_from(host.to_owned())?;
                exchange(connector(&[b"http/1.1"])?.connect(name, stream).await?, request).await
            }
        }
    };
    tokio::time::timeout(LONGEST, sent).await.with_context(|| format!("{host} gives no answer"))?
}

/// The protocol that a host chooses when it is offered HTTP/2 and HTTP/1.1.
pub(super) async fn protocol(host: &str) -> anyhow::Result<String> {
    let stream = TcpStream::connect((host, 443)).await.with_context(|| format!("connect to {host}"))?;
    let stream = connector(&[b"h2", b"http/1.1"])?.connect(ServerName::try_from(host.to_owned())?, stream).await?;
    let chosen = stream.get_ref().1.alpn_protocol().map(String::from_utf8_lossy);
    Ok(chosen.map_or_else(|| "none".to_owned(), Into::into))
}

fn connector(protocols: &[&[u8]]) -> anyhow::Result<TlsConnector> {
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> anyhow::Result<Response<Bytes>> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its end shows in the answer.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
    Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
}
