//! The two ends of the benchmark: an origin that answers at once, and a caller that keeps a proxy busy. Both are one thread
//! over epoll with nothing between them and the sockets, so that they leave most of their core idle. A crate of its own: it
//! is optimised even where the rest of the workspace isn't (the root Cargo.toml's profile).

mod calls;
mod core;
#[cfg(test)]
mod ends;
mod latencies;
mod messages;
mod origin;
mod poll;

pub use calls::{Load, Outcome, Until, run};
pub use core::pin;
pub use latencies::Latencies;
pub use origin::{Captured, Origin};

use std::io;

/// Why a run is worth nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A socket, the clock or the scheduler refused.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
    /// An answer that isn't 200: its figures would be those of something else.
    #[error("the answer was {0:?}, not 200; look into the proxy's log")]
    Status(String),
    /// Something that these ends don't read; both sides of the benchmark always say Content-Length.
    #[error("an HTTP message that can't be read: {0}")]
    Malformed(&'static str),
    /// The other end closed a connection that a benchmark keeps.
    #[error("the connection was closed by the other end")]
    Closed,
    /// Nothing moved for too long.
    #[error("nothing came back within {0} s")]
    Stalled(u64),
}

/// Says which operation failed.
fn failed(operation: &'static str) -> impl Fn(io::Error) -> LoadError {
    move |error| LoadError::System(operation, error)
}
