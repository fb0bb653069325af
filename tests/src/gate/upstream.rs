//! The way from the gate to the real server: one connection for each of the callers', opened when it is needed.

use std::fmt;
use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::tls;

/// Where the gate leads to.
#[derive(Clone)]
pub struct Upstream {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.address, if self.tls.is_some() { " (TLS)" } else { "" })
    }
}

impl Upstream {
    pub(super) fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    pub(super) fn tls(address: SocketAddr, name: &str, authority: &str) -> anyhow::Result<Self> {
        Ok(Self { address, tls: Some((tls::client(authority)?, ServerName::try_from(name.to_owned())?)) })
    }

    async fn connect(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await.with_context(|| format!("connect to {self:?}"))?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => opened(stream).await,
            Some((connector, name)) => opened(connector.connect(name.clone(), stream).await?).await,
        }
    }
}

async fn opened(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its end shows in the sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// One connection to the server, replaced when it was closed.
#[derive(Debug)]
pub(super) struct Lane {
    upstream: Upstream,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Lane {
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, sender: None }
    }

    /// Sends a request as it is and answers what the server says, its body still streaming.
    pub(super) async fn send(&mut self, request: Request<Bytes>) -> anyhow::Result<Response<Incoming>> {
        let usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok() && !sender.is_closed(),
            None => false,
        };
        if !usable {
            self.sender = Some(self.upstream.connect().await?);
        }
        let sender = self.sender.as_mut().context("no connection")?;
        match sender.try_send_request(request.map(Full::new)).await {
            Ok(answer) => Ok(answer),
            Err(mut error) => match error.take_message() {
                // The server closed an idle connection at that moment: nothing of the request was sent.
                Some(request) => {
                    let mut sender = self.upstream.connect().await?;
                    let answer = sender.send_request(request).await?;
                    self.sender = Some(sender);
                    Ok(answer)
                }
                None => Err(error.into_error().into()),
            },
        }
    }
}
