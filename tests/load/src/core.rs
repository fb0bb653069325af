//! Which core a thread runs on.

use std::io;

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{LoadError, failed};

/// Keeps the calling thread, and what it starts from now on, on one core.
///
/// # Errors
/// The machine has no such core, or the system refuses.
pub fn pin(core: usize) -> Result<(), LoadError> {
    if core >= CpuSet::MAX_CPU {
        return Err(LoadError::System("pin a thread", io::ErrorKind::InvalidInput.into()));
    }
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None::<Pid>, &set).map_err(|error| failed("pin a thread")(error.into()))
}
