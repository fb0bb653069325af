//! Connections to function URLs: HTTP/1.1 over TLS (function URLs negotiate no HTTP/2), kept alive and reused.
//! A request is sent again only if it was provably never written (hyper's rule for a pooled connection that was closed).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lambdaroute_proxy_config::cause::Cause;
use tower_service::Service;

use crate::error_chain::chain;
use crate::problem::Refused;

/// Lambda's longest run (15 minutes) and a margin.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 5);
/// AWS doesn't say how long it keeps an idle connection: shorter than what any load balancer of theirs is known to do.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// A silent invocation may last 15 minutes; NAT gateways forget a connection after 350 s.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// The client towards AWS.
pub(crate) struct Upstream {
    client: Client<Within<HttpsConnector<HttpConnector>>, Full<Bytes>>,
}

impl Upstream {
    /// Trusts the system's CA certificates (`SSL_CERT_FILE` too), or Mozilla's where the system has none.
    pub(crate) fn new(connect_timeout: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(TCP_KEEPALIVE));
        http.set_keepalive_interval(Some(TCP_KEEPALIVE));
        http.set_connect_timeout(Some(connect_timeout));
        let tls = rustls::ClientConfig::builder();
        let tls = match tls.clone().with_native_roots() {
            Ok(tls) => tls,
            Err(error) => {
                tracing::info!(%error, "no CA certificates on the system; Mozilla's are used");
                tls.with_webpki_roots()
            }
        };
        let tls = tls.with_no_client_auth();
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build(Within { connector: https, limit: connect_timeout });
        Upstream { client }
    }

    /// Sends the request and waits for the answer's headers. Dropping the future cancels the request.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Refused> {
        match tokio::time::timeout(FIRST_BYTE_TIMEOUT, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => {
                Err(Refused::new(Cause::UpstreamUnreachable, "no connection to the function URL")
                    .because(chain(&error)))
            }
            Ok(Err(error)) => {
                let detail = "the connection to the function URL broke before its answer; the function may have run";
                Err(Refused::new(Cause::UpstreamReset, detail).because(chain(&error)))
            }
            Err(_) => Err(Refused::new(Cause::UpstreamTimeout, "the function URL gave no answer in time")),
        }
    }
}

/// Limits the whole of connecting: the connector's own limit is TCP's alone, a TLS handshake could hang for ever.
#[derive(Clone)]
struct Within<C> {
    connector: C,
    limit: Duration,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, self.connector.call(uri));
        Box::pin(
            async move { connecting.await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) },
        )
    }
}

/// Says which cryptography TLS uses; once a process, before the first connection.
pub(crate) fn choose_cryptography() {
    // An error means that it has been chosen before.
    let _: Result<(), Arc<_>> = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
