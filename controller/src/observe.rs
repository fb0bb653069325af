//! All reads for one target. No decisions, no memory.

use crate::aws::{AwsError, Lambda};
use crate::observation::{FunctionState, Observation};
use crate::policy::Policy;
use crate::target::FunctionTarget;

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
    let url = aws.function_url_config(target).await.map_err(|error| (Aspect::FunctionUrl, error))?;
    let policy = aws.policy(target).await.map_err(|error| (Aspect::Permissions, error))?;
    let function = match (&url, &policy) {
        (None, None) => aws.function_state(target).await.map_err(|error| (Aspect::FunctionUrl, error))?,
        _ => FunctionState::Exists,
    };
    Ok(Observation { function, url, policy: policy.unwrap_or_default().of(&target.arn()) })
}

impl Policy {
    /// Without statements on other resources: those of other qualifiers are none of this target's.
    pub fn of(mut self, resource: &str) -> Self {
        self.statements.retain(|statement| statement.resources.contains(resource));
        self
    }
}
