//! Waiting for a condition that can only be asked for, with a deadline.

use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

/// Asks until there is an answer, every 300 ms.
pub(crate) async fn until<T>(
    limit: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(answer) = ask().await? {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    bail!("waited {} s in vain for {what}", limit.as_secs())
}
