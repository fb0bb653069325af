//! GET over https for URLs that manifests name: the controller's only HTTP besides AWS and the Kubernetes API. Within limits
//! of time and size, only to addresses that may be dialled, with redirects within one origin only. One connection a fetch:
//! there are few.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::fetch_error::{DEADLINE, FetchError, REDIRECTS};
use super::{address, trust};

/// The most bytes of a document.
const LARGEST: usize = 1024 * 1024;

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub body: Bytes,
    /// Its `Cache-Control`.
    pub cache_control: Option<String>,
}

/// Fetches documents.
#[derive(Clone, Debug)]
pub struct Https {
    ca_file: Option<PathBuf>,
    private_ranges: Vec<IpNet>,
}

impl Https {
    /// `ca_file` is trusted besides the system's CA certificates; `private_ranges` may be dialled besides public addresses.
    pub fn new(ca_file: Option<PathBuf>, private_ranges: Vec<IpNet>) -> Self {
        Self { ca_file, private_ranges }
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &Url) -> Result<Document, FetchError> {
        tokio::time::timeout(DEADLINE, self.follow(url.clone())).await.unwrap_or(Err(FetchError::Timeout))
    }

    async fn follow(&self, mut url: Url) -> Result<Document, FetchError> {
        // Read each time: both may be renewed while the process runs.
        let ca_file = self.ca_file.clone();
        let tls = tokio::task::spawn_blocking(move || trust::client(ca_file.as_deref())).await;
        let tls = TlsConnector::from(Arc::new(tls.map_err(|_| FetchError::Trust)?.map_err(|error| {
            tracing::warn!(%error, "the CA certificates for fetching keys can't be read");
            FetchError::Trust
        })?));
        for _ in 0..=REDIRECTS {
            let (response, _connection) = self.request(&url, &tls).await?;
            match response.status().as_u16() {
                200 => return read(response).await,
                301 | 302 | 303 | 307 | 308 => {
                    url = redirected(&url, response.headers()).ok_or(FetchError::Redirect)?
                }
                status => return Err(FetchError::Status(status)),
            }
        }
        Err(FetchError::Redirect)
    }

    async fn request(
        &self,
        url: &Url,
        tls: &TlsConnector,
    ) -> Result<(Response<Incoming>, AbortOnDropHandle<()>), FetchError> {
        let host = url.host_str().ok_or(FetchError::Unresolved)?;
        // Brackets are a URL's, not an address's.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = self.dial(host, url.port_or_known_default().unwrap_or(443)).await?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| FetchError::Tls)?;
        let stream = tls.connect(name, stream).await.map_err(|error| tls_error(&error))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| FetchError::Broken)?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
        let request = Request::get(&url[url::Position::BeforePath..])
            .header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("lambdaroute-controller/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|_| FetchError::Broken)?;
        let response = sender.send_request(request).await.map_err(|_| FetchError::Broken)?;
        Ok((response, connection))
    }

    /// Connects to the first address that answers, of those that may be dialled: what was resolved is what is dialled.
    async fn dial(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        let resolved: Vec<SocketAddr> =
            tokio::net::lookup_host((host, port)).await.map_err(|_| FetchError::Unresolved)?.collect();
        if resolved.is_empty() {
            return Err(FetchError::Unresolved);
        }
        let allowed: Vec<SocketAddr> =
            resolved.into_iter().filter(|it| address::may_dial(it.ip(), &self.private_ranges)).collect();
        if allowed.is_empty() {
            return Err(FetchError::NotAllowed);
        }
        // Each gets its part of the time: one that swallows packets must not keep the others from being tried.
        let each = DEADLINE / u32::try_from(allowed.len() + 1).unwrap_or(u32::MAX);
        for address in allowed {
            if let Ok(Ok(stream)) = tokio::time::timeout(each, TcpStream::connect(address)).await {
                return Ok(stream);
            }
        }
        Err(FetchError::Unreachable)
    }
}

/// rustls wraps what it refuses in an error of this kind; all else is the connection's.
fn tls_error(error: &io::Error) -> FetchError {
    match error.kind() {
        io::ErrorKind::InvalidData => FetchError::Tls,
        _ => FetchError::Broken,
    }
}

/// Where a redirect leads: within the same origin, or nowhere.
fn redirected(from: &Url, headers: &HeaderMap) -> Option<Url> {
    let to = from.join(headers.get(header::LOCATION)?.to_str().ok()?).ok()?;
    let plain = to.username().is_empty() && to.password().is_none();
    (to.scheme() == "https" && to.origin() == from.origin() && plain).then_some(to)
}

async fn read(response: Response<Incoming>) -> Result<Document, FetchError> {
    let cache_control =
        response.headers().get(header::CACHE_CONTROL).and_then(|it| it.to_str().ok()).map(str::to_owned);
    match Limited::new(response.into_body(), LARGEST).collect().await {
        Ok(body) => Ok(Document { body: body.to_bytes(), cache_control }),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge),
        Err(_) => Err(FetchError::Broken),
    }
}

#[cfg(test)]
mod tests;
