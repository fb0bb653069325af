//! A body that is held, and as it goes to the function URL: piece by piece as it came, without a copy, and again from its
//! beginning if it must be sent once more.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::body_memory::Reservation;

/// A whole body.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) length: usize,
    /// Its part of the budget: given back with the last user of the body.
    pub(crate) _reservation: Reservation,
}

/// What is sent. Absent: no body.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestBody {
    held: Option<Arc<Held>>,
    next: usize,
}

impl RequestBody {
    /// From its beginning.
    pub(crate) fn new(held: Option<Arc<Held>>) -> Self {
        RequestBody { held, next: 0 }
    }

    fn left(&self) -> &[Bytes] {
        self.held.as_ref().and_then(|held| held.pieces.get(self.next..)).unwrap_or_default()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.left().first().cloned();
        self.next += 1;
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left().iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests;
