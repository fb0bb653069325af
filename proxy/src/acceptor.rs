//! Takes callers' connections from all listeners and hands each to the worker that has the fewest. The kernel's own sharing
//! (`SO_REUSEPORT`) goes by addresses: a few long connections, which is what callers here have, would meet on one core.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::connection::{Accepted, Slot};
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;

/// How long to wait when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a worker takes its connections from.
pub(crate) struct Seat {
    to: mpsc::UnboundedSender<Accepted>,
    connections: Arc<AtomicUsize>,
}

impl Seat {
    /// A worker's seat, and its other end.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Accepted>) {
        let (to, from) = mpsc::unbounded_channel();
        (Seat { to, connections: Arc::default() }, from)
    }
}

/// A connection's place among those that are counted, from its acceptance to its end.
pub(crate) struct Place {
    of_worker: Arc<AtomicUsize>,
    of_process: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
    _drained: TaskTrackerToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of_worker.fetch_sub(1, Ordering::Relaxed);
        self.of_process.fetch_sub(1, Ordering::Relaxed);
        self.metrics.connections.dec();
    }
}

/// See the module.
pub(crate) struct Acceptor {
    seats: Vec<Seat>,
    connections: Arc<AtomicUsize>,
    max_connections: usize,
    lifecycle: Arc<Lifecycle>,
    metrics: Arc<Metrics>,
    runtime: Handle,
}

impl Acceptor {
    /// `runtime`: where the listeners are waited for.
    pub(crate) fn new(
        seats: Vec<Seat>,
        max_connections: usize,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<Metrics>,
        runtime: Handle,
    ) -> Self {
        Acceptor { seats, connections: Arc::default(), max_connections, lifecycle, metrics, runtime }
    }

    /// Accepts until `stop`; the listener is closed when the task has ended, its connections end by themselves.
    ///
    /// # Errors
    /// The listener can't be waited for.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        listener: std::net::TcpListener,
        slot: Arc<Slot>,
        stop: CancellationToken,
    ) -> io::Result<JoinHandle<()>> {
        let _entered = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let accepting = self.clone().accept(listener, slot, stop);
        Ok(self.runtime.spawn(self.lifecycle.listeners.track_future(accepting)))
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, slot: Arc<Slot>, stop: CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Err(error) = accepted.and_then(|(stream, peer)| self.hand_out(stream, peer, &slot, &stop)) {
                tracing::warn!(%error, "can't accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        // Those that the kernel has accepted already would be reset with the listener.
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            // One that can't be handed out can't be told so either.
            let _ = self.hand_out(stream, peer, &slot, &stop);
        }
    }

    fn hand_out(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        slot: &Arc<Slot>,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        if self.connections.load(Ordering::Relaxed) >= self.max_connections {
            // Closed by its drop: there is no room to say why.
            self.metrics.connections_refused.inc();
            return Ok(());
        }
        // The worker waits for it with a poll of its own.
        let stream = stream.into_std()?;
        let fewest = self.seats.iter().min_by_key(|seat| seat.connections.load(Ordering::Relaxed));
        let seat = fewest.ok_or(io::ErrorKind::NotConnected)?;
        self.connections.fetch_add(1, Ordering::Relaxed);
        seat.connections.fetch_add(1, Ordering::Relaxed);
        self.metrics.connections.inc();
        let place = Place {
            of_worker: seat.connections.clone(),
            of_process: self.connections.clone(),
            metrics: self.metrics.clone(),
            _drained: self.lifecycle.connections.token(),
        };
        // A worker that has ended has its place given back with the message.
        let _ = seat.to.send(Accepted { stream, peer, slot: slot.clone(), stop: stop.clone(), place });
        Ok(())
    }
}
