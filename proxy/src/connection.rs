//! One connection of a caller: HTTP/1.1, or HTTP/2 with prior knowledge, until it ends or the process drains.

mod progress;

use std::future::{Future, poll_fn};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio_util::sync::CancellationToken;

use crate::acceptor::Place;
use crate::caller_io::CallerIo;
use crate::caller_streams::CallerStreams;
use crate::head_limit::HeadLimit;
use crate::serve::Proxy;
use crate::served_route::ServedRoute;
use progress::Progress;

/// What a port serves now. A connection keeps its port's slot, never another's: an old connection can't meet the route that
/// gets the port next.
pub(crate) type Slot = ArcSwapOption<ServedRoute>;

/// The most that is read of a caller at once, and that waits to be written to it.
const BUFFER: usize = 64 * 1024;
/// What a caller may send over HTTP/2 before it is read: on a connection, and of that one request.
const H2_CONNECTION_WINDOW: u32 = 256 * 1024;
const H2_STREAM_WINDOW: u32 = 128 * 1024;
/// How long an answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// The part of the memory that heads may take, where the number of connections isn't said.
const HEADS_PART: u64 = 2;
/// However much memory there is.
const MOST_CONNECTIONS: usize = 10_000;
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
    /// How long a caller may take nothing of an answer that waits for it.
    pub(crate) send_timeout: Duration,
    /// Of one request. hyper's own limits are set beyond it where that costs nothing, so that it is answered by a problem.
    pub(crate) head: HeadLimit,
    /// At once, over HTTP/2.
    pub(crate) max_streams: u32,
    /// The caller is then asked to connect anew.
    pub(crate) max_requests: u32,
}

impl ConnectionLimits {
    /// What is read of one request's head before it is whole, at most. It is in no budget, and costs its sender nothing.
    fn head_buffer(&self) -> usize {
        BUFFER.max(self.head.bytes.saturating_mul(2))
    }

    /// How many connections a process with so much memory may have, where nobody says it: all of them with an unfinished
    /// head must leave room for the rest.
    pub(crate) fn most_connections(&self, memory: u64) -> usize {
        let room = memory / HEADS_PART / self.head_buffer() as u64;
        usize::try_from(room).unwrap_or(usize::MAX).clamp(1, MOST_CONNECTIONS)
    }
}

/// What serves the connections of one worker.
pub(crate) struct Server {
    proxy: Arc<Proxy>,
    limits: ConnectionLimits,
}

impl Server {
    pub(crate) fn new(proxy: Arc<Proxy>, limits: ConnectionLimits) -> Self {
        Server { proxy, limits }
    }

    /// What reads and writes HTTP on one connection.
    fn http(&self, streams: CallerStreams) -> Builder<CallerStreams> {
        let limits = self.limits;
        let mut http = Builder::new(streams);
        let mut http1 = http.http1();
        http1.timer(TokioTimer::new()).header_read_timeout(limits.header_read_timeout);
        http1.max_buf_size(limits.head_buffer());
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
        http
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
        let ends = progress.clone().watch(stop, self.limits.header_read_timeout, self.limits.send_timeout);
        let ends = tokio::spawn(ends);
        let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
            let is_last = progress.begins(request.version(), self.limits.max_requests);
            self.proxy.clone().serve(slot.load_full(), peer.ip(), request, is_last)
        });
        let io = CallerIo::new(stream, self.limits.send_timeout, progress.reset.clone());
        let http = self.http(CallerStreams::new(self.limits.send_timeout, progress.in_flight.clone()));
        let mut connection = pin!(http.serve_connection(TokioIo::new(io), service));
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
                if progress.given_up.load(Ordering::Acquire) {
                    return Poll::Ready(Ok(()));
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
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user) {
                progress.broke_off();
            }
        }
        ends.abort();
        drop(place);
    }
}

#[cfg(test)]
mod tests;
