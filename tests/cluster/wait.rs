//! Waiting for a condition that can only be asked for, with a deadline.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, MissedTickBehavior};

/// Asks until there is an answer, every 300 ms.
pub(crate) async fn until<T>(
    limit: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    let mut turns = tokio::time::interval(Duration::from_millis(300));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while turns.tick().await < deadline {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
    }
    bail!("waited {} s in vain for {what}", limit.as_secs())
}
