//! Growing pauses between tries, for as long as trying makes sense.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;

use crate::queue::backoff;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);

/// How long the API server may refuse or not answer: it may restart, and rights that come with this process may be younger than
/// what it knows.
const WITHIN: Duration = Duration::from_secs(6);

/// Tries on for a few seconds.
///
/// # Errors
/// The last one.
pub(super) async fn tried<T, E: Display>(what: &str, attempt: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
    let mut pauses = Pauses::within(WITHIN);
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        tracing::warn!(%error, "can't {what} yet");
        if !pauses.again().await {
            return Err(error);
        }
    }
}

/// The pauses of one thing that is tried.
pub(super) struct Pauses {
    limit: Instant,
    failures: u32,
}

impl Pauses {
    /// Nothing is tried again after `limit`.
    pub(super) fn until(limit: Instant) -> Self {
        Self { limit, failures: 0 }
    }

    /// Nothing is tried again after so long.
    pub(super) fn within(time: Duration) -> Self {
        Self::until(Instant::now() + time)
    }

    /// Waits after a failure until it is tried again. False: the limit comes first, and nothing was waited for.
    pub(super) async fn again(&mut self) -> bool {
        self.failures += 1;
        let again = Instant::now() + backoff(self.failures, FIRST, LONGEST, rand::random());
        if again >= self.limit {
            return false;
        }
        tokio::time::sleep_until(again).await;
        true
    }
}
