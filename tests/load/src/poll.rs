//! epoll, level-triggered, with indices for tokens.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::{LoadError, failed};

/// A set of sockets that are waited for together.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poll {
    pub(crate) fn new() -> Result<Self, LoadError> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(|error| failed("make an epoll set")(error.into()))?;
        Ok(Self { epoll, events: Vec::with_capacity(256) })
    }

    /// Waits for `source` to be readable from now on, and writable if `write`.
    pub(crate) fn add(&self, source: impl AsFd, token: usize, write: bool) -> Result<(), LoadError> {
        epoll::add(&self.epoll, source, EventData::new_u64(token as u64), flags(write))
            .map_err(|error| failed("wait for a socket")(error.into()))
    }

    /// Changes what is waited for.
    pub(crate) fn change(&self, source: impl AsFd, token: usize, write: bool) -> Result<(), LoadError> {
        epoll::modify(&self.epoll, source, EventData::new_u64(token as u64), flags(write))
            .map_err(|error| failed("wait for a socket")(error.into()))
    }

    /// The tokens of what is ready, after at most `seconds`; none: the time has passed.
    pub(crate) fn wait(&mut self, seconds: u32) -> Result<impl Iterator<Item = usize> + use<>, LoadError> {
        self.events.clear();
        let limit = Timespec { tv_sec: seconds.into(), tv_nsec: 0 };
        let buffer = rustix::buffer::spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, buffer, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed("wait for sockets")(error.into())),
        }
        let tokens: Vec<usize> =
            self.events.iter().map(|event| usize::try_from(event.data.u64()).unwrap_or(usize::MAX)).collect();
        Ok(tokens.into_iter())
    }
}

fn flags(write: bool) -> EventFlags {
    if write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
}
