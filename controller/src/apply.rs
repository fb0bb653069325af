//! Carries steps out in AWS, one call each. It decides nothing: a conflict or a lost answer leads to another look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::aws::{Answered, AwsError, Lambda};
use crate::observation::{Applied, Observation, Written};
use crate::observe::Aspect;
use crate::sid::Mark;
use crate::step::Step;
use crate::target::FunctionTarget;

/// What a step is about: the condition that its failure shows in.
pub fn aspect(step: &Step) -> Aspect {
    match step {
        Step::AddPermission { .. } | Step::RemovePermission { .. } => Aspect::Permissions,
        _ => Aspect::FunctionUrl,
    }
}

fn applied<T>(answered: Answered<T>, written: impl FnOnce(T) -> Written) -> Applied {
    Applied { written: written(answered.answer), request_id: answered.request_id }
}

/// Carries one step out. `observed` is what the plan was made on, with the steps before this one. A step in Kubernetes is
/// nothing here.
///
/// # Errors
/// [`AwsError`]: what the step was to change isn't known any more.
pub async fn apply(
    aws: &Lambda<'_>,
    step: &Step,
    observed: &Observation,
    deadline: Instant,
) -> Result<Applied, AwsError> {
    let revision_id = observed.policy.revision_id.as_deref();
    Ok(match step {
        Step::AddPermission { target, sid, grant, whose: _, mark_created } => {
            let mut sid = sid.clone();
            if *mark_created {
                sid.created = observed.url.as_ref().and_then(|url| Mark::of(&url.creation_time));
            }
            // The first statement has no policy whose revision could be sent; its Sid guards it.
            let statement = aws.add_permission(target, &sid.to_string(), grant, revision_id, deadline).await?;
            applied(statement, Written::StatementAdded)
        }
        Step::RemovePermission { target, sid } => {
            let sid = sid.to_string();
            let removed = aws.remove_permission(target, &sid, revision_id, deadline).await?;
            applied(removed, |()| Written::StatementRemoved(sid))
        }
        Step::CreateFunctionUrlConfig { target, settings } => {
            applied(aws.create_function_url_config(target, settings, deadline).await?, Written::Url)
        }
        Step::UpdateFunctionUrlConfig { target, settings } => {
            let before = observed.url.as_ref().map(|url| &url.settings.cors);
            applied(aws.update_function_url_config(target, settings, before, deadline).await?, Written::Url)
        }
        Step::DeleteFunctionUrlConfig { target } => {
            applied(aws.delete_function_url_config(target, deadline).await?, |()| Written::UrlDeleted)
        }
        Step::AddFinalizer { .. }
        | Step::RecordTarget { .. }
        | Step::ReleaseTarget { .. }
        | Step::ForgetTarget { .. }
        | Step::CreateService { .. }
        | Step::ApplyService { .. }
        | Step::RestPort { .. }
        | Step::DeleteService { .. }
        | Step::RemoveFinalizer { .. } => Applied { written: Written::Nothing, request_id: None },
    })
}

/// One lock per function: AWS has lost statements that were written in parallel.
#[derive(Default)]
pub struct FunctionLocks(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl FunctionLocks {
    /// The lock of a target's function, whatever its qualifier.
    pub fn of(&self, target: &FunctionTarget) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for go.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        locks.entry(target.unqualified_arn()).or_default().clone()
    }
}
