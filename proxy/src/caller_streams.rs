//! The requests of an HTTP/2 connection, each a task of its own. A caller may open no window for an answer and answer pings
//! for ever: the answer's body isn't even asked for a piece then. So each of these tasks has its own patience, and who is
//! waited for is told by what the body was last asked for.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use crate::patience::Patience;

/// What an answer's body has done since its task was polled.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// It gave so many bytes.
    gave: usize,
    /// Whom its last word leaves to be waited for. Absent: it wasn't asked.
    waiting_for: Option<WaitingFor>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitingFor {
    Function,
    Caller,
}

thread_local! {
    /// Of the task that is polled.
    static ASKED: Cell<Asked> = const { Cell::new(Asked { gave: 0, waiting_for: None }) };
}

/// The body of the answer gave so many bytes, on this thread.
pub(crate) fn body_gave(bytes: usize) {
    let gave = ASKED.get().gave.saturating_add(bytes);
    ASKED.set(Asked { gave, waiting_for: Some(WaitingFor::Caller) });
}

/// The body of the answer has nothing to give at this moment.
pub(crate) fn body_waits() {
    ASKED.set(Asked { waiting_for: Some(WaitingFor::Function), ..ASKED.get() });
}

/// Runs the requests of one connection.
#[derive(Clone)]
pub(crate) struct CallerStreams {
    patience: Duration,
    in_flight: Arc<AtomicU32>,
}

impl CallerStreams {
    /// `patience`: how long a caller may take nothing of an answer. `in_flight`: how many of them there are.
    pub(crate) fn new(patience: Duration, in_flight: Arc<AtomicU32>) -> Self {
        CallerStreams { patience, in_flight }
    }
}

impl<F> Executor<F> for CallerStreams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let counted = Counted::new(self.in_flight.clone());
        let patience = Patience::new(self.patience);
        tokio::spawn(Delivered { stream, patience, waiting_for: WaitingFor::Function, _counted: counted });
    }
}

/// One among those in flight.
struct Counted(Arc<AtomicU32>);

impl Counted {
    fn new(in_flight: Arc<AtomicU32>) -> Self {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Counted(in_flight)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pin_project! {
    /// A request until its answer is delivered or its caller given up: what is dropped then is reset.
    struct Delivered<F> {
        #[pin]
        stream: F,
        patience: Patience,
        waiting_for: WaitingFor,
        _counted: Counted,
    }
}

impl<F: Future<Output = ()>> Future for Delivered<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        ASKED.set(Asked::default());
        if this.stream.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let asked = ASKED.get();
        if let Some(waiting_for) = asked.waiting_for {
            *this.waiting_for = waiting_for;
            this.patience.took(asked.gave);
        }
        if *this.waiting_for == WaitingFor::Function {
            return Poll::Pending;
        }
        ready!(this.patience.poll_end(cx));
        tracing::debug!("a request is reset whose caller takes nothing of its answer");
        Poll::Ready(())
    }
}
