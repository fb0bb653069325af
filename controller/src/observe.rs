//! All reads for one target. No decisions of what they mean, no memory.

use std::time::Duration;

use tokio::time::Instant;

use crate::aws::{AwsError, ErrorKind, Lambda};
use crate::observation::{FunctionState, Observation};
use crate::policy::Policy;
use crate::queue::backoff;
use crate::target::FunctionTarget;

/// So often a read without an answer is made again, within one look.
const AGAIN: u32 = 2;
/// Only where that takes no longer: what is slow to fail holds nobody else up for long, and waits in the queue.
const WITHIN: Duration = Duration::from_secs(2);
const FIRST: Duration = Duration::from_millis(100);

/// What a failed read was about: the condition that it shows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The function or its URL config.
    FunctionUrl,
    /// The policy.
    Permissions,
}

/// Looks at a target: two calls, and a third only where neither found anything, to tell a function without a URL from no
/// function.
///
/// # Errors
/// The first read that failed, with what it was about.
pub async fn observe(aws: &Lambda<'_>, target: &FunctionTarget) -> Result<Observation, (Aspect, AwsError)> {
    let url = answered(|| aws.function_url_config(target)).await.map_err(|error| (Aspect::FunctionUrl, error))?;
    let policy = answered(|| aws.policy(target)).await.map_err(|error| (Aspect::Permissions, error))?;
    let function = match (&url, &policy) {
        (None, None) => answered(|| aws.function_state(target)).await.map_err(|error| (Aspect::FunctionUrl, error))?,
        _ => FunctionState::Exists,
    };
    Ok(Observation { function, url, policy: policy.unwrap_or_default().of(&target.arn()) })
}

/// A read whose answer was lost, or where AWS failed itself, is made again after a moment: else one lost answer of three has all
/// three asked for again. What AWS does say, too many calls above all, is an answer.
async fn answered<T, F>(read: impl Fn() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        let error = match read().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        failures += 1;
        if error.kind != ErrorKind::Unreachable || failures > AGAIN || begun.elapsed() > WITHIN {
            return Err(error);
        }
        tokio::time::sleep(backoff(failures, FIRST, WITHIN, rand::random())).await;
    }
}

impl Policy {
    /// Without statements on other resources: those of other qualifiers are none of this target's.
    pub fn of(mut self, resource: &str) -> Self {
        self.statements.retain(|statement| statement.resources.contains(resource));
        self
    }
}

#[cfg(test)]
mod tests;
