//! How much: rate limits and requests in flight, per route. [`registry`] keeps what outlives a version of a route,
//! [`admission`] lets a request in or not, [`told`] is what callers read of it; the arithmetic is [`gcra`]'s.

pub(crate) mod admission;
pub(crate) mod buckets;
pub(crate) mod clock;
mod gcra;
mod in_flight;
pub(crate) mod registry;
mod share;
pub(crate) mod subject;
pub(crate) mod told;
mod verdict;
