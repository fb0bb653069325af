//! What the origin does with a request, by its path.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::sync::{mpsc, watch};

use super::EXPECTED_WITHIN;

/// An answer that is ready.
#[derive(Debug, Clone)]
pub struct Canned {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

/// A step of a streamed answer.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    Break,
}

pub(super) type Pieces = Arc<Mutex<Option<mpsc::UnboundedReceiver<Piece>>>>;

/// What is done.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Says what it received.
    Echo,
    Answer(Canned),
    /// Status and headers at once, the body as the test sends it. Serves one request.
    Stream {
        head: Canned,
        pieces: Pieces,
        arrived: watch::Sender<usize>,
    },
    /// Never answers.
    Stall {
        arrived: watch::Sender<usize>,
    },
    /// Closes the connection (with a reset) without an answer.
    Reset,
}

/// Whether the signature is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Iam,
    Open,
}

#[derive(Debug, Default)]
pub(super) struct Scripts(Mutex<HashMap<String, (Door, Action)>>);

impl Scripts {
    pub(super) fn of(&self, path: &str) -> (Door, Action) {
        let scripts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.get(path).cloned().unwrap_or((Door::Iam, Action::Echo))
    }
}

/// A script in the making.
#[derive(Debug)]
#[must_use]
pub struct Script<'a> {
    scripts: &'a Scripts,
    path: String,
    door: Door,
}

impl<'a> Script<'a> {
    pub(super) fn new(scripts: &'a Scripts, path: &str) -> Self {
        Self { scripts, path: path.to_owned(), door: Door::Iam }
    }

    /// Lets everybody in, as a URL of AuthType NONE with its two public statements: no signature is looked at.
    pub fn open(mut self) -> Self {
        self.door = Door::Open;
        self
    }

    /// Answers with what it received, as JSON (the default).
    pub fn echoes(self) {
        self.begin(Action::Echo);
    }

    /// Answers this.
    pub fn answers(self, answer: Canned) {
        self.begin(Action::Answer(answer));
    }

    /// Answers status and headers, then the pieces that the test sends. For one request.
    pub fn streams(self, head: Canned) -> Streamed {
        let (sender, receiver) = mpsc::unbounded_channel();
        let arrived = watch::Sender::new(0);
        let pieces = Arc::new(Mutex::new(Some(receiver)));
        let waiting = arrived.subscribe();
        self.begin(Action::Stream { head, pieces, arrived });
        Streamed { pieces: sender, arrived: waiting }
    }

    /// Reads the request and never answers. The receiver counts the requests that wait.
    pub fn stalls(self) -> watch::Receiver<usize> {
        let arrived = watch::Sender::new(0);
        let waiting = arrived.subscribe();
        self.begin(Action::Stall { arrived });
        waiting
    }

    /// Reads the request and resets the connection.
    pub fn resets(self) {
        self.begin(Action::Reset);
    }

    fn begin(self, action: Action) {
        let mut scripts = self.scripts.0.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.insert(self.path, (self.door, action));
    }
}

/// The body of a streamed answer, in the test's hands. Dropping it ends the body properly.
#[derive(Debug)]
pub struct Streamed {
    pieces: mpsc::UnboundedSender<Piece>,
    arrived: watch::Receiver<usize>,
}

impl Streamed {
    /// Waits until the request has come.
    pub async fn arrived(&mut self) -> anyhow::Result<()> {
        tokio::time::timeout(EXPECTED_WITHIN, self.arrived.wait_for(|count| *count > 0))
            .await
            .context("the request for the streamed answer never came")??;
        Ok(())
    }

    /// Sends a piece. False: the caller has gone.
    pub fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.pieces.send(Piece::Bytes(piece.into())).is_ok()
    }

    /// Waits until the caller has gone.
    pub async fn closed(&self) -> anyhow::Result<()> {
        tokio::time::timeout(EXPECTED_WITHIN, self.pieces.closed()).await.context("the caller has not gone")
    }

    /// Ends the body as it should end.
    pub fn finish(self) {}

    /// Resets the connection in the middle of the body.
    pub fn reset(self) {
        // If the caller has gone there is nothing to reset.
        let _ = self.pieces.send(Piece::Break);
    }
}
