//! A body that is held, and as it goes to the function URL: the pieces that came, without a copy, as many in one write as the
//! connection takes, and again from the beginning if it must be sent once more.

use std::convert::Infallible;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::body_memory::Reservation;

/// A whole body.
#[derive(Debug)]
pub(crate) struct Held {
    /// None is empty.
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) length: usize,
    /// Its part of the budget: given back with the last user of the body.
    pub(crate) _reservation: Reservation,
}

/// What is sent. Absent: no body.
#[derive(Debug, Default)]
pub(crate) struct RequestBody(Option<Unsent>);

impl RequestBody {
    /// From its beginning.
    pub(crate) fn new(held: Option<Arc<Held>>) -> Self {
        RequestBody(held.map(|held| Unsent { left: held.length, held, piece: 0, sent: 0 }))
    }
}

impl Body for RequestBody {
    type Data = Unsent;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Unsent>, Infallible>>> {
        Poll::Ready(self.0.take().map(|all| Ok(Frame::data(all))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |unsent| unsent.left as u64))
    }
}

/// What hasn't been written yet.
#[derive(Debug)]
pub(crate) struct Unsent {
    held: Arc<Held>,
    /// The first that isn't written whole.
    piece: usize,
    /// Bytes of it that are written.
    sent: usize,
    left: usize,
}

impl Unsent {
    fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let pieces = self.held.pieces.get(self.piece..).unwrap_or_default();
        let first = pieces.first().and_then(|first| first.get(self.sent..));
        first.into_iter().chain(pieces.iter().skip(1).map(|piece| &piece[..]))
    }
}

impl Buf for Unsent {
    fn remaining(&self) -> usize {
        self.left
    }

    fn chunk(&self) -> &[u8] {
        self.chunks().next().unwrap_or_default()
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        to.iter_mut().zip(self.chunks()).map(|(slot, chunk)| *slot = IoSlice::new(chunk)).count()
    }

    /// More than is left is all of it.
    fn advance(&mut self, bytes: usize) {
        let mut bytes = bytes.min(self.left);
        self.left -= bytes;
        while let Some(piece) = self.held.pieces.get(self.piece) {
            let rest = piece.len() - self.sent;
            if bytes < rest {
                self.sent += bytes;
                return;
            }
            bytes -= rest;
            (self.piece, self.sent) = (self.piece + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests;
