//! Who runs where: each contender has one core to itself, the benchmark's own ends share the other.

use lambdaroute_load::pin;

/// The caller's and the origin's.
pub(crate) const OWN: usize = 0;
/// The contender's that is measured.
pub(crate) const CONTENDER: usize = 1;

/// Keeps this thread, and all that it starts, on the benchmark's own core.
pub(crate) fn keep_to_own() -> anyhow::Result<()> {
    Ok(pin(OWN)?)
}

/// Starts something on the contender's core: what a thread starts inherits where it may run.
pub(crate) async fn start<T>(start: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    pin(CONTENDER)?;
    let started = start.await;
    pin(OWN)?;
    started
}
