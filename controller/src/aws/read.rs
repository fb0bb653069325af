//! The reads: one call each. What isn't there is no error.

use lambdaroute_crds::InvokeMode;

use super::{AwsError, ErrorKind, Lambda, settings_of};
use crate::observation::{FunctionState, UrlConfig};
use crate::policy::{self, Policy};
use crate::target::FunctionTarget;

fn absent<T>(outcome: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match outcome {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Lambda<'_> {
    /// The URL config. None: no URL, no function or no alias; AWS answers the same for all three.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn function_url_config(&self, target: &FunctionTarget) -> Result<Option<UrlConfig>, AwsError> {
        const OPERATION: &str = "lambda:GetFunctionUrlConfig";
        let call = self
            .lambda(&target.region)
            .get_function_url_config()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone());
        let Some(answer) = absent(self.call(OPERATION, None, call.send()).await)? else { return Ok(None) };
        let settings =
            settings_of(OPERATION, answer.auth_type(), answer.invoke_mode(), answer.cors(), InvokeMode::Buffered)?;
        Ok(Some(UrlConfig {
            url: answer.function_url().to_owned(),
            creation_time: answer.creation_time().to_owned(),
            settings,
        }))
    }

    /// The policy. None: no statement, no function or no alias; AWS answers the same for all three.
    ///
    /// # Errors
    /// [`AwsError`]; also a policy that can't be read: nothing may be decided on it.
    pub async fn policy(&self, target: &FunctionTarget) -> Result<Option<Policy>, AwsError> {
        const OPERATION: &str = "lambda:GetPolicy";
        let call = self
            .lambda(&target.region)
            .get_policy()
            .function_name(&target.function_name)
            .set_qualifier(target.qualifier.clone());
        let Some(answer) = absent(self.call(OPERATION, None, call.send()).await)? else { return Ok(None) };
        let json = answer.policy().unwrap_or("{}");
        let statements = policy::parse(json).map_err(|error| AwsError::unexpected(OPERATION, &error.to_string()))?;
        let bytes = json.len();
        self.aws.metrics.policy_read(bytes);
        Ok(Some(Policy { statements, bytes, revision_id: answer.revision_id().map(ToOwned::to_owned) }))
    }

    /// Whether there is a function, and the alias where one is named.
    ///
    /// # Errors
    /// [`AwsError`].
    pub async fn function_state(&self, target: &FunctionTarget) -> Result<FunctionState, AwsError> {
        if self.function_exists(target, target.qualifier.as_deref()).await? {
            return Ok(FunctionState::Exists);
        }
        if target.qualifier.is_some() && self.function_exists(target, None).await? {
            return Ok(FunctionState::QualifierNotFound);
        }
        Ok(FunctionState::NotFound)
    }

    async fn function_exists(&self, target: &FunctionTarget, qualifier: Option<&str>) -> Result<bool, AwsError> {
        let call = self
            .lambda(&target.region)
            .get_function()
            .function_name(&target.function_name)
            .set_qualifier(qualifier.map(ToOwned::to_owned));
        Ok(absent(self.call("lambda:GetFunction", None, call.send()).await)?.is_some())
    }
}
