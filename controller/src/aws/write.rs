//! The writes: one call each, none begun or awaited past the deadline. What is gone already counts as taken away.

use aws_sdk_lambda::operation::RequestId;
use tokio::time::Instant;

use super::{AwsError, ErrorKind, Lambda, sdk_auth_type, sdk_cors, sdk_invoke_mode, settings_of};
use crate::observation::{UrlConfig, UrlCors, UrlSettings};
use crate::policy::{self, Access, Grant, Statement};
use crate::target::FunctionTarget;

/// A write that AWS took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered<T> {
    /// What it says.
    pub answer: T,
    /// For AWS's support; Events name it.
    pub request_id: Option<String>,
}

fn answered<T>(answer: T, from: &impl RequestId) -> Answered<T> {
    Answered { answer, request_id: from.request_id().map(ToOwned::to_owned) }
}

fn gone_is_done<T: RequestId>(outcome: Result<T, AwsError>) -> Result<Answered<()>, AwsError> {
    match outcome {
        Ok(answer) => Ok(answered((), &answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Answered { answer: (), request_id: error.request_id }),
        Err(error) => Err(error),
    }
}

impl Lambda<'_> {
    /// Adds a statement; `revision_id` where it is known. A Sid that exists is [`ErrorKind::Conflict`], whatever it says.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn add_permission(
        &self,
        target: &FunctionTarget,
        sid: &str,
        grant: &Grant,
        revision_id: Option<&str>,
        deadline: Instant,
    ) -> Result<Answered<Statement>, AwsError> {
        const OPERATION: &str = "lambda:AddPermission";
        let mut call = self
            .lambda(&target.region)
            .add_permission()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone())
            .statement_id(sid)
            .action(grant.action())
            .principal(&grant.grantee.principal)
            .set_source_arn(grant.grantee.conditions.source_arn.clone())
            .set_source_account(grant.grantee.conditions.source_account.clone())
            .set_principal_org_id(grant.grantee.conditions.principal_org_id.clone())
            .set_revision_id(revision_id.map(ToOwned::to_owned));
        call = match grant.access {
            Access::Url(auth_type) => call.function_url_auth_type(auth_type.as_str().into()),
            Access::Fn => call.invoked_via_function_url(true),
        };
        let answer = self.call(OPERATION, Some(deadline), call.send()).await?;
        let statement = match answer.statement() {
            Some(json) => {
                policy::parse_statement(json).map_err(|error| AwsError::unexpected(OPERATION, &error.to_string()))?
            }
            None => grant.statement(Some(sid.to_owned()), &target.arn()),
        };
        Ok(answered(statement, &answer))
    }

    /// Removes a statement.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn remove_permission(
        &self,
        target: &FunctionTarget,
        sid: &str,
        revision_id: Option<&str>,
        deadline: Instant,
    ) -> Result<Answered<()>, AwsError> {
        let call = self
            .lambda(&target.region)
            .remove_permission()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone())
            .statement_id(sid)
            .set_revision_id(revision_id.map(ToOwned::to_owned));
        gone_is_done(self.call("lambda:RemovePermission", Some(deadline), call.send()).await)
    }

    /// Creates the URL config. One that exists is [`ErrorKind::Conflict`].
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn create_function_url_config(
        &self,
        target: &FunctionTarget,
        wanted: &UrlSettings,
        deadline: Instant,
    ) -> Result<Answered<UrlConfig>, AwsError> {
        const OPERATION: &str = "lambda:CreateFunctionUrlConfig";
        let call = self
            .lambda(&target.region)
            .create_function_url_config()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone())
            .auth_type(sdk_auth_type(wanted))
            .invoke_mode(sdk_invoke_mode(wanted))
            .set_cors((wanted.cors != UrlCors::default()).then(|| sdk_cors(&wanted.cors)));
        let answer = self.call(OPERATION, Some(deadline), call.send()).await?;
        let settings =
            settings_of(OPERATION, answer.auth_type(), answer.invoke_mode(), answer.cors(), wanted.invoke_mode)?;
        let url = answer.function_url().to_owned();
        Ok(answered(UrlConfig { url, creation_time: answer.creation_time().to_owned(), settings }, &answer))
    }

    /// Changes the URL config in place: the URL stays. AWS merges what it gets into what it has, so CORS is always sent whole
    /// where there is any or was (`before`): an empty list clears the list.
    ///
    /// # Errors
    /// [`AwsError`]; also if AWS answers that it has other settings than it was given: what it can't clear.
    pub async fn update_function_url_config(
        &self,
        target: &FunctionTarget,
        wanted: &UrlSettings,
        before: Option<&UrlCors>,
        deadline: Instant,
    ) -> Result<Answered<UrlConfig>, AwsError> {
        const OPERATION: &str = "lambda:UpdateFunctionUrlConfig";
        let none = UrlCors::default();
        let cors =
            (wanted.cors != none || before.is_some_and(|before| *before != none)).then(|| sdk_cors(&wanted.cors));
        let call = self
            .lambda(&target.region)
            .update_function_url_config()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone())
            .auth_type(sdk_auth_type(wanted))
            .invoke_mode(sdk_invoke_mode(wanted))
            .set_cors(cors);
        let answer = self.call(OPERATION, Some(deadline), call.send()).await?;
        let settings =
            settings_of(OPERATION, answer.auth_type(), answer.invoke_mode(), answer.cors(), wanted.invoke_mode)?;
        let left = settings.differences(wanted);
        if !left.is_empty() {
            return Err(AwsError::not_taken(OPERATION, left));
        }
        let url = answer.function_url().to_owned();
        Ok(answered(UrlConfig { url, creation_time: answer.creation_time().to_owned(), settings }, &answer))
    }

    /// Deletes the URL config.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn delete_function_url_config(
        &self,
        target: &FunctionTarget,
        deadline: Instant,
    ) -> Result<Answered<()>, AwsError> {
        let call = self
            .lambda(&target.region)
            .delete_function_url_config()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone());
        gone_is_done(self.call("lambda:DeleteFunctionUrlConfig", Some(deadline), call.send()).await)
    }
}
