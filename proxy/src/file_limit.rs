//! Raises the soft limit of open files to the hard one: each route is a listener, each request two sockets.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many files may be open now.
pub(crate) fn current() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the limit; what fails is logged, and the proxy runs with what it has.
pub fn raise() {
    let before = getrlimit(Resource::Nofile);
    if before.current == before.maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum }) {
        Ok(()) => tracing::debug!(from = before.current, to = before.maximum, "raised the limit of open files"),
        Err(error) => tracing::warn!(%error, soft = before.current, "can't raise the soft limit of open files"),
    }
}
