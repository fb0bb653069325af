//! A route's requests in flight: a permit for each, up to this proxy's share. Nothing is queued.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// See the module.
pub(crate) struct InFlight {
    most: AtomicU32,
    now: AtomicU32,
}

/// One request in flight, until it is dropped: with the answer's last byte.
pub(crate) struct Permit(Arc<InFlight>);

impl InFlight {
    pub(crate) fn new(most: u32) -> Self {
        InFlight { most: AtomicU32::new(most), now: AtomicU32::new(0) }
    }

    /// From now on. Requests in flight go on, also when they are more.
    pub(crate) fn set_most(&self, most: u32) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// None: there are as many as there may be.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Permit> {
        let most = self.most.load(Ordering::Relaxed);
        let more = |now| (now < most).then_some(now + 1);
        let admitted = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        admitted.is_ok().then(|| Permit(self.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
