//! The route-table server: gRPC over TLS, one bidirectional stream per proxy.

pub mod authentication;
mod connection;
mod stream;
pub mod tls;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lambdaroute_proxy_config::v1alpha1::route_table_server::{RouteTable as Service, RouteTableServer};
use lambdaroute_proxy_config::v1alpha1::{FromProxy, ToProxy};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::metrics::{Metrics, StreamOutcome};
use crate::table::{RouteTable, StreamId};
use authentication::{Denied, Proven};

/// Who a bearer token belongs to.
pub type Authenticate =
    Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<Proven, Denied>> + Send>> + Send + Sync>;

/// How often a silent connection is asked whether it lives, and how long it may take to answer.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5));
/// How long the Pod of a valid token may take to appear in the watch.
const POD_WAIT: Duration = Duration::from_secs(5);
/// The largest message of a proxy, in bytes: acknowledgements of some thousand routes.
const LARGEST: usize = 1024 * 1024;
/// Messages that are made but not taken yet; few, as each is made of the newest state when there is room.
const QUEUE: usize = 2;

/// What the server needs.
#[derive(Clone)]
pub struct Server {
    /// The table that it serves.
    pub table: RouteTable,
    /// Whether this replica leads.
    pub leading: watch::Receiver<bool>,
    /// Who is behind a token.
    pub authenticate: Authenticate,
    /// Where it counts.
    pub metrics: Metrics,
    /// Ends it.
    pub stop: CancellationToken,
}

impl Server {
    /// Serves until stopped; open streams are told and ended.
    ///
    /// # Errors
    /// What tonic says when it can't serve.
    pub async fn serve(self, listener: TcpListener, tls: TlsAcceptor) -> Result<(), tonic::transport::Error> {
        let stop = self.stop.clone();
        let service = RouteTableServer::new(Streams { server: self, next: AtomicU64::new(1) });
        tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(KEEP_ALIVE.0))
            .http2_keepalive_timeout(Some(KEEP_ALIVE.1))
            .max_concurrent_streams(8)
            .add_service(service.max_decoding_message_size(LARGEST))
            .serve_with_incoming_shutdown(connection::accept(listener, tls, stop.clone()), stop.cancelled_owned())
            .await
    }
}

struct Streams {
    server: Server,
    next: AtomicU64,
}

#[tonic::async_trait]
impl Service for Streams {
    type StreamStream = ReceiverStream<Result<ToProxy, Status>>;

    async fn stream(&self, request: Request<Streaming<FromProxy>>) -> Result<Response<Self::StreamStream>, Status> {
        let admitted = self.admit(&request).await;
        self.server.metrics.stream(match &admitted {
            Ok(_) => StreamOutcome::Accepted,
            Err(Denied::NotLeading) => StreamOutcome::NotLeading,
            Err(Denied::Unauthenticated(_)) => StreamOutcome::Unauthenticated,
            Err(Denied::Forbidden(_)) => StreamOutcome::PermissionDenied,
            Err(Denied::Unavailable(_)) => StreamOutcome::Unavailable,
        });
        let proven = admitted.map_err(|denied| {
            if !matches!(denied, Denied::NotLeading) {
                tracing::warn!(error = %denied, "a stream was refused");
            }
            Status::from(denied)
        })?;
        let id = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = mpsc::channel(QUEUE);
        let stream = stream::ProxyStream { server: self.server.clone(), id, proven, sender };
        tokio::spawn(stream.run(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Streams {
    async fn admit(&self, request: &Request<Streaming<FromProxy>>) -> Result<Proven, Denied> {
        if !*self.server.leading.borrow() {
            return Err(Denied::NotLeading);
        }
        let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| Denied::Unauthenticated("no bearer token".to_owned()))?;
        let proven = (self.server.authenticate)(token.to_owned()).await?;
        let pod = self.server.table.pod(&proven.pod, Instant::now() + POD_WAIT).await;
        match pod {
            Some(pod) if pod.namespace == proven.namespace && pod.name == proven.pod_name => Ok(proven),
            _ => Err(Denied::Forbidden(format!(
                "there is no proxy pod {}/{} with the uid of the token",
                proven.namespace, proven.pod_name
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
