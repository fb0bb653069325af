//! How the process ends: serving, leaving (out of the slices, still serving), draining (listeners closed), gone.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What every part of the process follows.
pub(crate) struct Lifecycle {
    leaving: watch::Sender<bool>,
    /// The same, as each request reads it.
    is_leaving: AtomicBool,
    left: watch::Sender<bool>,
    /// Cancelled: end connections after their current request. The listeners are closed before.
    pub(crate) draining: CancellationToken,
    /// Every connection of a caller.
    pub(crate) connections: TaskTracker,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Lifecycle {
            leaving: watch::Sender::new(false),
            is_leaving: AtomicBool::new(false),
            left: watch::Sender::new(false),
            draining: CancellationToken::new(),
            connections: TaskTracker::new(),
        }
    }

    /// From now on the process means to end.
    pub(crate) fn leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.leaving.send_replace(true);
    }

    /// Whether the process means to end.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
    }

    /// Follows the wish to leave.
    pub(crate) fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.subscribe()
    }

    /// The controller has taken this proxy out of all slices.
    pub(crate) fn set_left(&self) {
        self.left.send_replace(true);
    }

    /// Follows the controller's answer.
    pub(crate) fn left(&self) -> watch::Receiver<bool> {
        self.left.subscribe()
    }
}

/// SIGTERM and SIGINT, one message each: the first asks the process to leave, the second to end at once.
///
/// # Errors
/// The process can't listen for signals.
pub fn signals() -> io::Result<mpsc::Receiver<()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (sender, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if sender.send(()).await.is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
