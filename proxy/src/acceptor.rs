//! Takes callers' connections from all listeners and hands each to the worker that has the fewest. The kernel's own sharing
//! (`SO_REUSEPORT`) goes by addresses: a few long connections, which is what callers here have, would meet on one core.
//! One thread waits for all listeners by one poll: a task for each would be a fifth of what a route takes.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Registry, Token};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::connection::{Accepted, Slot};
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;

/// How long to wait when the process is out of sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// As many are taken of one listener before the others have their turn.
const AT_ONCE: usize = 16;
/// Listeners that are told of by one poll.
const EVENTS: usize = 256;

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

/// A port that callers connect to.
struct Listener {
    socket: TcpListener,
    slot: Arc<Slot>,
    /// Of its connections. Made with the first one: most routes of a large table have none at a given proxy.
    stop: Option<CancellationToken>,
}

#[derive(Default)]
struct Open {
    listeners: HashMap<Token, Listener>,
    /// Of the next listener. Never used again: what is left of an event then finds nobody.
    next: usize,
    /// The process drains: nothing is opened any more.
    closed: bool,
}

/// See the module.
pub(crate) struct Acceptor {
    registry: Registry,
    /// Locked by who opens and closes, and for one listener's turn.
    open: Mutex<Open>,
    seats: Vec<Seat>,
    connections: Arc<AtomicUsize>,
    max_connections: usize,
    lifecycle: Arc<Lifecycle>,
    metrics: Arc<Metrics>,
}

impl Acceptor {
    /// Starts the thread that waits for the listeners.
    ///
    /// # Errors
    /// The system gives no thread, or no poll.
    pub(crate) fn start(
        seats: Vec<Seat>,
        max_connections: usize,
        lifecycle: Arc<Lifecycle>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Arc<Self>> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let (open, connections) = (Mutex::default(), Arc::default());
        let acceptor = Arc::new(Acceptor { registry, open, seats, connections, max_connections, lifecycle, metrics });
        let accepting = acceptor.clone();
        thread::Builder::new().name("acceptor".to_owned()).spawn(move || accepting.accept(poll))?;
        Ok(acceptor)
    }

    /// Accepts from now on, until it is closed by what this gives.
    ///
    /// # Errors
    /// The listener can't be waited for.
    pub(crate) fn open(&self, listener: std::net::TcpListener, slot: Arc<Slot>) -> io::Result<Token> {
        let mut socket = TcpListener::from_std(listener);
        let mut open = self.lock();
        let token = Token(open.next);
        open.next += 1;
        if !open.closed {
            self.registry.register(&mut socket, token, Interest::READABLE)?;
            open.listeners.insert(token, Listener { socket, slot, stop: None });
        }
        Ok(token)
    }

    /// The port is closed when this returns; its connections end by themselves.
    pub(crate) fn close(&self, token: Token) {
        let listener = self.lock().listeners.remove(&token);
        if let Some(listener) = listener {
            self.close_listener(listener);
        }
    }

    /// Closes all, for good.
    pub(crate) fn close_all(&self) {
        let listeners = {
            let mut open = self.lock();
            open.closed = true;
            std::mem::take(&mut open.listeners)
        };
        listeners.into_values().for_each(|listener| self.close_listener(listener));
    }

    fn close_listener(&self, mut listener: Listener) {
        // Those that the kernel has accepted already would be reset with the listener.
        while let Ok((stream, peer)) = listener.socket.accept() {
            // One that can't be handed out can't be told so either.
            let _ = self.hand_out(stream.into(), peer, &mut listener);
        }
        if let Some(stop) = listener.stop {
            stop.cancel();
        }
    }

    /// For as long as the process runs.
    fn accept(&self, mut poll: Poll) {
        let mut events = Events::with_capacity(EVENTS);
        // The poll tells only of what is new: whoever has more than a turn's keeps its place here.
        let mut ready: BTreeSet<Token> = BTreeSet::new();
        loop {
            let wait = (!ready.is_empty()).then_some(Duration::ZERO);
            match poll.poll(&mut events, wait) {
                Ok(()) => ready.extend(events.iter().map(mio::event::Event::token)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => pause(&error),
            }
            ready.retain(|token| {
                self.turn(*token).unwrap_or_else(|error| {
                    pause(&error);
                    true
                })
            });
        }
    }

    /// Takes what waits at a listener, up to a turn's worth. Tells whether there may be more.
    fn turn(&self, token: Token) -> io::Result<bool> {
        let mut open = self.lock();
        let Some(listener) = open.listeners.get_mut(&token) else { return Ok(false) };
        for _ in 0..AT_ONCE {
            match listener.socket.accept() {
                Ok((stream, peer)) => self.hand_out(stream.into(), peer, listener)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                // The caller has left again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn hand_out(&self, stream: TcpStream, peer: SocketAddr, listener: &mut Listener) -> io::Result<()> {
        if self.connections.load(Ordering::Relaxed) >= self.max_connections {
            // Closed by its drop: there is no room to say why.
            self.metrics.connections_refused.inc();
            return Ok(());
        }
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
        let stop = listener.stop.get_or_insert_with(|| self.lifecycle.draining.child_token()).clone();
        // A worker that has ended has its place given back with the message.
        let _ = seat.to.send(Accepted { stream, peer, slot: listener.slot.clone(), stop, place });
        Ok(())
    }

    /// What a panic left is whole: nothing here can panic between two writes.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(error: &io::Error) {
    tracing::warn!(%error, "can't accept a connection");
    thread::sleep(ACCEPT_PAUSE);
}

#[cfg(test)]
mod tests;
