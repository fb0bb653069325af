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
    let mut last = None;
    loop {
        match tokio::time::timeout_at(end, ask()).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => last = None,
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(last.unwrap_or_else(|| anyhow::anyhow!("the last look at it didn't end"))),
        }
        // A look that begins at the deadline has no time to say why.
        if Instant::now() + INTERVAL >= end {
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

#[cfg(test)]
mod tests {
    //! What is told when something doesn't come true.

    use std::time::Duration;

    use super::within;

    const SHORT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn the_last_error_is_told_when_the_deadline_passes() {
        let waited = within::<()>(SHORT, "rain", async || anyhow::bail!("a blue sky")).await;
        let error = format!("{:#}", waited.unwrap_err());
        assert_eq!(error, "waited 200ms in vain for rain: a blue sky");
    }

    #[tokio::test]
    async fn a_look_that_hangs_is_cut_off_at_the_deadline() {
        let waited = within::<()>(SHORT, "rain", async || std::future::pending().await).await;
        let error = format!("{:#}", waited.unwrap_err());
        assert_eq!(error, "waited 200ms in vain for rain: the last look at it didn't end");
    }

    #[tokio::test]
    async fn an_error_on_the_way_to_the_answer_is_forgotten() {
        let mut looks = 0;
        let answer = within(SHORT, "rain", async || {
            looks += 1;
            if looks == 1 { anyhow::bail!("a blue sky") } else { Ok(Some(looks)) }
        });
        assert_eq!(answer.await.unwrap(), 2);
    }
}
