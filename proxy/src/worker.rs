//! The threads that serve: each has a runtime of its own, the connections that the acceptor hands to it, and a pool of
//! connections to function URLs. Nothing on a request's path is shared with another worker but what is read.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::Builder;

use tokio::runtime;

use crate::acceptor::Seat;
use crate::connection::Server;

/// Starts a thread with a runtime of one thread, which `run` is called on. The thread ends with what that gives.
///
/// # Errors
/// The system gives no thread, or no poll.
fn start<F>(name: String, run: impl FnOnce() -> F + Send + 'static) -> io::Result<()>
where
    F: Future<Output = ()>,
{
    let (started, has_started) = sync_channel(1);
    Builder::new().name(name).spawn(move || match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            // Whoever starts a thread waits for this.
            let _ = started.send(Ok(()));
            runtime.block_on(run());
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    })?;
    has_started.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
}

/// Starts a worker, and gives the seat that connections are handed to it by. It ends when the seat is gone.
///
/// # Errors
/// The system gives no thread, or no poll.
pub(crate) fn serve(index: usize, server: Server) -> io::Result<Seat> {
    let (seat, mut connections) = Seat::new();
    let server = Arc::new(server);
    start(format!("worker-{index}"), move || async move {
        while let Some(accepted) = connections.recv().await {
            tokio::spawn(server.clone().serve(accepted));
        }
    })?;
    Ok(seat)
}
