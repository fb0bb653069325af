//! A moment by both of the machine's clocks: the one that tells the time can be set, the other stands while the machine
//! sleeps. It only reads them.

use std::time::{Instant, SystemTime};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) wall: SystemTime,
    pub(crate) monotonic: Instant,
}

impl Moment {
    /// This one.
    pub(crate) fn now() -> Self {
        Moment { wall: SystemTime::now(), monotonic: Instant::now() }
    }
}
