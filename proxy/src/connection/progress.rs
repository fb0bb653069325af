//! How far a connection has come, and when it is to end. It must never last for as long as its caller likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::task::AtomicWaker;
use http::Version;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a connection that has just come may take for its first request once the listener closes: a caller who could
/// still connect must not be turned away.
const FIRST_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(super) struct Progress {
    requests: AtomicU32,
    is_http2: AtomicBool,
    is_http10: AtomicBool,
    /// Requests over HTTP/2 that have begun and not ended.
    pub(super) in_flight: Arc<AtomicU32>,
    /// It is to end after what is in flight.
    pub(super) ending: AtomicBool,
    /// It is to end as it is.
    pub(super) given_up: AtomicBool,
    /// It is to end by a reset.
    pub(super) reset: Arc<AtomicBool>,
    pub(super) waker: AtomicWaker,
}

impl Progress {
    /// A request begins; whether it is the last one of this connection, which takes as many as `most`.
    pub(super) fn begins(&self, version: Version, most: u32) -> bool {
        let is_last = self.requests.fetch_add(1, Ordering::Relaxed) + 1 >= most;
        match version {
            Version::HTTP_2 => {
                self.is_http2.store(true, Ordering::Relaxed);
                if is_last {
                    self.ending.store(true, Ordering::Relaxed);
                }
            }
            Version::HTTP_10 => self.is_http10.store(true, Ordering::Relaxed),
            _ => {}
        }
        is_last
    }

    /// An answer broke off in the middle. Over HTTP/1.0 the connection's end may be the answer's: only a reset tells that it
    /// isn't whole.
    pub(super) fn broke_off(&self) {
        if self.is_http10.load(Ordering::Relaxed) {
            self.reset.store(true, Ordering::Relaxed);
        }
    }

    /// Says that the connection is to end: when it is told to, or when its caller has said nothing for this long. hyper's
    /// own timeout begins once it knows the protocol, and over HTTP/2 it has none: a caller who says nothing, or nothing
    /// more, must not stay for ever. `patience`: how long a caller may take nothing of its answers.
    pub(super) async fn watch(self: Arc<Self>, stop: CancellationToken, silence: Duration, patience: Duration) {
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
        if !self.is_http2.load(Ordering::Relaxed) {
            return;
        }
        // The last pieces of answers may wait in the connection for a window that their caller never opens.
        let mut was_idle = false;
        loop {
            sleep(patience / 2).await;
            let is_idle = self.in_flight.load(Ordering::Relaxed) == 0;
            if is_idle && was_idle {
                break;
            }
            was_idle = is_idle;
        }
        self.reset.store(true, Ordering::Relaxed);
        self.given_up.store(true, Ordering::Release);
        self.waker.wake();
    }
}
