//! How much memory request bodies may take: of the process, and of that a quarter at most for one route, so that no route
//! can keep the others from theirs. Pure arithmetic on counters; what doesn't fit is refused, never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One route's part of the whole.
const ROUTE_PART: usize = 4;

/// The process's budget.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    limit: usize,
    used: AtomicUsize,
}

/// What one route's bodies take. It outlives a change of the route.
pub(crate) type RouteBodyMemory = Arc<AtomicUsize>;

/// There is no room for the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl BodyMemory {
    /// `limit`: bytes of bodies that are held at once.
    pub(crate) fn new(limit: usize) -> Self {
        BodyMemory { limit, used: AtomicUsize::new(0) }
    }

    /// Bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that are taken now.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that one route's bodies may take, and so the largest body that can be served.
    pub(crate) fn route_limit(&self) -> usize {
        self.limit / ROUTE_PART
    }
}

/// A body's part of the budget. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    process: Arc<BodyMemory>,
    route: RouteBodyMemory,
    bytes: usize,
}

/// Where a body's part comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget<'a> {
    pub(crate) process: &'a Arc<BodyMemory>,
    pub(crate) route: &'a RouteBodyMemory,
}

impl Budget<'_> {
    /// Nothing yet.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation { process: self.process.clone(), route: self.route.clone(), bytes: 0 }
    }
}

impl Reservation {
    /// Takes as much as is missing to this size.
    ///
    /// # Errors
    /// It doesn't fit. What was taken before is kept.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Full> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        take(&self.route, more, self.process.route_limit())?;
        if take(&self.process.used, more, self.process.limit).is_err() {
            self.route.fetch_sub(more, Ordering::Relaxed);
            return Err(Full);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Whether it could grow to this size now.
    ///
    /// # Errors
    /// It could not.
    pub(crate) fn has_room_for(&self, bytes: usize) -> Result<(), Full> {
        let more = bytes.saturating_sub(self.bytes);
        let fits = |used: &AtomicUsize, limit| used.load(Ordering::Relaxed).saturating_add(more) <= limit;
        let both = fits(&self.route, self.process.route_limit()) && fits(&self.process.used, self.process.limit);
        both.then_some(()).ok_or(Full)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.route.fetch_sub(self.bytes, Ordering::Relaxed);
        self.process.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn take(used: &AtomicUsize, more: usize, limit: usize) -> Result<(), Full> {
    let fits = |used: usize| used.checked_add(more).filter(|sum| *sum <= limit);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).map(|_| ()).map_err(|_| Full)
}

#[cfg(test)]
mod tests;
