//! A caller's connection as bytes. A caller who leaves what is written to it where it is for too long is given up: without
//! that, it would hold all that its requests hold for ever, since the other end's kernel acknowledges probes of a full window
//! without end. A connection that must not look like one that ended well is reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::patience::Patience;

/// See the module.
pub(crate) struct CallerIo {
    stream: TcpStream,
    patience: Patience,
    reset: Arc<AtomicBool>,
}

impl CallerIo {
    /// `patience`: how long the caller may take nothing. `reset`: once it is set, the connection ends by a reset.
    pub(crate) fn new(stream: TcpStream, patience: Duration, reset: Arc<AtomicBool>) -> Self {
        CallerIo { stream, patience: Patience::new(patience), reset }
    }

    fn paced(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.patience.took(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if self.patience.poll_end(cx).is_ready() {
                    // What waits in the kernel is not to be kept for it either.
                    self.reset.store(true, Ordering::Relaxed);
                    let gone = io::Error::new(io::ErrorKind::TimedOut, "the caller takes nothing of its answer");
                    return Poll::Ready(Err(gone));
                }
            }
        }
        written
    }
}

impl AsyncRead for CallerIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for CallerIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.paced(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.paced(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for CallerIo {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // It only fails where the connection is gone already.
            let _ = self.stream.set_zero_linger();
        }
    }
}
