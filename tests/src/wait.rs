//! Waiting for what becomes true: a condition with a deadline, never a sleep and hope.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;

/// The longest that anything in these tests may take; most takes well under a second.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// Asks until the answer is there, at most [`DEADLINE`]. An error counts as "not yet" and is told if it stays.
///
/// # Errors
/// When the deadline passes; the last error is the cause.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    within(DEADLINE, what, ask).await
}

/// As [`eventually`], with a deadline of its own.
///
/// # Errors
/// When the deadline passes; the last error is the cause.
pub async fn within<T>(
    deadline: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let end = Instant::now() + deadline;
    loop {
        let last = match tokio::time::timeout_at(end, ask()).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(anyhow::anyhow!("the last look at it didn't end")),
        };
        if Instant::now() >= end {
            let message = format!("waited {deadline:?} in vain for {what}");
            return match last {
                Some(error) => Err(error).context(message),
                None => bail!(message),
            };
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Looks again and again for a while: the condition must hold each time.
///
/// # Errors
/// At the first look at which it doesn't.
pub async fn still(
    span: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let end = Instant::now() + span;
    while Instant::now() < end {
        if !ask().await? {
            bail!("it didn't stay so: {what}");
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}
