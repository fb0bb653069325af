//! One connection of a caller: HTTP/1.1, or HTTP/2 with prior knowledge, until it ends or the process drains.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::FutureExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::serve::Proxy;
use crate::served_route::ServedRoute;

/// What a port serves now. A connection keeps its port's slot, never another's: an old connection can't meet the route that
/// gets the port next.
pub(crate) type Slot = ArcSwapOption<ServedRoute>;

/// How long to wait when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection that has just come may take for its first request once the listener closes: a caller who could
/// still connect must not be turned away.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// What all connections share.
pub(crate) struct Acceptor {
    proxy: Arc<Proxy>,
    http: Builder<TokioExecutor>,
    first_request_timeout: Duration,
}

impl Acceptor {
    /// `header_read_timeout` is also how long an idle connection is kept.
    pub(crate) fn new(proxy: Arc<Proxy>, header_read_timeout: Duration) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1().timer(TokioTimer::new()).header_read_timeout(header_read_timeout);
        http.http2().timer(TokioTimer::new());
        Acceptor { proxy, http, first_request_timeout: header_read_timeout }
    }

    /// Accepts until `stop`; the listener is closed when this returns, its connections end by themselves.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, slot: Arc<Slot>, stop: CancellationToken) {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.spawn(stream, peer, &slot, &stop),
                Err(error) => {
                    tracing::warn!(%error, "can't accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        // Those that the kernel has accepted already would be reset with the listener.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            self.spawn(stream, peer, &slot, &stop);
        }
    }

    fn spawn(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, slot: &Arc<Slot>, stop: &CancellationToken) {
        let connection = self.clone().connection(stream, peer, slot.clone(), stop.clone());
        self.proxy.lifecycle.connections.spawn(connection);
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        slot: Arc<Slot>,
        stop: CancellationToken,
    ) {
        let _ = stream.set_nodelay(true);
        let gauge = &self.proxy.metrics.connections;
        gauge.inc();
        let spoken = Arc::new(AtomicBool::new(false));
        let service = service_fn(|request| {
            spoken.store(true, Ordering::Relaxed);
            let (this, route) = (self.clone(), slot.load_full());
            async move { this.proxy.serve(route, peer.ip(), request).await }
        });
        let mut connection = std::pin::pin!(self.http.serve_connection(TokioIo::new(stream), service));
        // hyper's own timeout begins once it knows the protocol; a caller who says nothing must not stay for ever.
        let mut silence = std::pin::pin!(tokio::time::sleep(self.first_request_timeout));
        let mut stopped = std::pin::pin!(async {
            stop.cancelled().await;
            if !spoken.load(Ordering::Relaxed) {
                tokio::time::sleep(FIRST_REQUEST_GRACE).await;
            }
        });
        let (mut stopping, mut checked) = (false, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %error, "connection ended");
                    }
                    break;
                }
                () = stopped.as_mut(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = silence.as_mut(), if !checked => {
                    checked = true;
                    if !spoken.load(Ordering::Relaxed) {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
        gauge.dec();
    }
}
