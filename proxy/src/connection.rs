//! One connection of a caller: HTTP/1.1, or HTTP/2 with prior knowledge, until it ends or the process drains.

use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures::task::AtomicWaker;
use http::Version;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::acceptor::Place;
use crate::head_limit::HeadLimit;
use crate::serve::Proxy;
use crate::served_route::ServedRoute;

/// What a port serves now. A connection keeps its port's slot, never another's: an old connection can't meet the route that
/// gets the port next.
pub(crate) type Slot = ArcSwapOption<ServedRoute>;

/// How long a connection that has just come may take for its first request once the listener closes: a caller who could
/// still connect must not be turned away.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);
/// The most that is read of a caller at once, and that waits to be written to it.
const BUFFER: usize = 64 * 1024;
/// What a caller may send over HTTP/2 before it is read: on a connection, and of that one request.
const H2_CONNECTION_WINDOW: u32 = 256 * 1024;
const H2_STREAM_WINDOW: u32 = 128 * 1024;
/// How long an answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// hyper's own, which it keeps on the stack: another number costs an allocation a request.
const STACK_HEADERS: usize = 100;

/// A connection as it is handed to a worker.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) slot: Arc<Slot>,
    /// Cancelled: end after the current request.
    pub(crate) stop: CancellationToken,
    /// Among the connections that are counted.
    pub(crate) place: Place,
}

/// What callers may do on one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionLimits {
    /// Also how long an idle connection is kept.
    pub(crate) header_read_timeout: Duration,
    /// Of one request. hyper's own limits are set beyond it where that costs nothing, so that it is answered by a problem.
    pub(crate) head: HeadLimit,
    /// At once, over HTTP/2.
    pub(crate) max_streams: u32,
    /// The caller is then asked to connect anew.
    pub(crate) max_requests: u32,
}

/// What serves the connections of one worker.
pub(crate) struct Server {
    proxy: Arc<Proxy>,
    http: Builder<TokioExecutor>,
    limits: ConnectionLimits,
}

impl Server {
    pub(crate) fn new(proxy: Arc<Proxy>, limits: ConnectionLimits) -> Self {
        let mut http = Builder::new(TokioExecutor::new());
        let mut http1 = http.http1();
        http1.timer(TokioTimer::new()).header_read_timeout(limits.header_read_timeout);
        http1.max_buf_size(BUFFER.max(limits.head.bytes.saturating_mul(2)));
        if limits.head.count > STACK_HEADERS {
            http1.max_headers(limits.head.count);
        }
        let mut http2 = http.http2();
        http2.timer(TokioTimer::new()).max_concurrent_streams(limits.max_streams);
        // What callers send before it is asked for is in nobody's budget of memory.
        http2.initial_connection_window_size(H2_CONNECTION_WINDOW).initial_stream_window_size(H2_STREAM_WINDOW);
        http2.max_send_buf_size(BUFFER);
        // A caller who doesn't answer a ping is gone, or means harm.
        http2.keep_alive_interval(limits.header_read_timeout);
        http2.keep_alive_timeout(limits.header_read_timeout.min(PING_TIMEOUT));
        http2.max_header_list_size(u32::try_from(limits.head.bytes.saturating_mul(2)).unwrap_or(u32::MAX));
        Server { proxy, http, limits }
    }

    /// Serves a connection to its end.
    pub(crate) async fn serve(self: Arc<Self>, accepted: Accepted) {
        let Accepted { stream, peer, slot, stop, place } = accepted;
        let stream = match tokio::net::TcpStream::from_std(stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "can't serve a connection");
                return;
            }
        };
        let _ = stream.set_nodelay(true);
        let progress = Arc::new(Progress::default());
        // A task of its own: the connection is polled several times a request, and what all connections of a route wait for
        // has a lock.
        let ends = tokio::spawn(progress.clone().watch(stop, self.limits.header_read_timeout));
        let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
            let is_last = progress.requests.fetch_add(1, Ordering::Relaxed) + 1 >= self.limits.max_requests;
            if request.version() == Version::HTTP_2 {
                progress.is_http2.store(true, Ordering::Relaxed);
                if is_last {
                    progress.ending.store(true, Ordering::Relaxed);
                }
            }
            self.proxy.clone().serve(slot.load_full(), peer.ip(), request, is_last)
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let (mut registered, mut ending) = (false, false);
        let ended = poll_fn(|cx| {
            if !registered {
                registered = true;
                progress.waker.register(cx.waker());
            }
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if ending || !progress.ending.load(Ordering::Acquire) {
                    return Poll::Pending;
                }
                ending = true;
                // Over HTTP/2 this says GOAWAY; what is in flight ends.
                connection.as_mut().graceful_shutdown();
            }
        });
        if let Err(error) = ended.await {
            tracing::debug!(error = %error, "connection ended");
        }
        ends.abort();
        drop(place);
    }
}

/// How far a connection has come.
#[derive(Default)]
struct Progress {
    requests: AtomicU32,
    is_http2: AtomicBool,
    /// It is to end after what is in flight.
    ending: AtomicBool,
    waker: AtomicWaker,
}

impl Progress {
    /// Says that the connection is to end: when it is told to, or when its caller has said nothing for this long. hyper's
    /// own timeout begins once it knows the protocol, and over HTTP/2 it has none: a caller who says nothing, or nothing
    /// more, must not stay for ever.
    async fn watch(self: Arc<Self>, stop: CancellationToken, silence: Duration) {
        let mut seen = 0;
        while timeout(silence, stop.cancelled()).await.is_err() {
            let requests = self.requests.load(Ordering::Relaxed);
            if requests == seen {
                break;
            }
            if !self.is_http2.load(Ordering::Relaxed) {
                stop.cancelled().await;
                break;
            }
            seen = requests;
        }
        if stop.is_cancelled() && self.requests.load(Ordering::Relaxed) == 0 {
            sleep(FIRST_REQUEST_GRACE).await;
        }
        self.ending.store(true, Ordering::Release);
        self.waker.wake();
    }
}
