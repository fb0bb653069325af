//! Function URL configs as AWS answers them: qualified ARNs, its words for what is missing, nothing left of a function
//! that is deleted.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use super::{LambdaRules, collected, refusal};
use crate::gate::call::Seen;
use crate::gate::operation::{Operation, Target};
use crate::gate::upstream::Lane;

mod cors;

const MISSING: &str = "The resource you requested does not exist.";

impl LambdaRules {
    pub(super) async fn url_config(
        &self,
        seen: &Seen,
        target: &Target,
        lane: &mut Lane,
    ) -> anyhow::Result<Response<Bytes>> {
        if let Err(refused) = self.signer(seen) {
            return Ok(refusal::signature(&refused));
        }
        if let Some(refused) = malformed(seen, target) {
            return Ok(refused);
        }
        let answer = collected(lane.send(seen.request()?).await?).await?;
        let update_of_nothing = seen.operation == Operation::UpdateFunctionUrlConfig && self.exists(target).await?;
        Ok(match (answer.status(), seen.operation) {
            (StatusCode::OK | StatusCode::CREATED, _) => {
                let mut config: Value = serde_json::from_slice(answer.body())?;
                config["FunctionArn"] = Value::String(self.arn(target));
                self.remember_url(&config, target);
                let writes = seen.operation != Operation::GetFunctionUrlConfig;
                if let Some(fields) = config.as_object_mut() {
                    if seen.operation == Operation::CreateFunctionUrlConfig {
                        fields.remove("LastModifiedTime");
                    }
                    // A write echoes the mode only where it was sent.
                    if writes && seen.json()["InvokeMode"].is_null() {
                        fields.remove("InvokeMode");
                    }
                }
                answer.map(|_| Bytes::from(config.to_string()))
            }
            (StatusCode::NOT_FOUND, Operation::CreateFunctionUrlConfig) => {
                refusal::not_found("Function does not exist")
            }
            (StatusCode::NOT_FOUND, Operation::UpdateFunctionUrlConfig) if !update_of_nothing => {
                refusal::not_found("Function does not exist")
            }
            (StatusCode::NOT_FOUND, _) => refusal::not_found(MISSING),
            (StatusCode::CONFLICT, _) => {
                let message = format!(
                    "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig \
                     exists for this Lambda function",
                    self.arn(target)
                );
                refusal::api(StatusCode::CONFLICT, "ResourceConflictException", &message)
            }
            _ => answer,
        })
    }

    /// Whether there is such a function, and such an alias.
    async fn exists(&self, target: &Target) -> anyhow::Result<bool> {
        let path = match &target.qualifier {
            Some(alias) => format!("/2015-03-31/functions/{}/aliases/{alias}", target.function),
            None => format!("/2015-03-31/functions/{}", target.function),
        };
        Ok(self.ask(&path).await?.is_some())
    }

    /// What AWS deletes with a function or an alias, and the emulator doesn't.
    pub(super) async fn delete_urls(&self, seen: &Seen, target: &Target) -> anyhow::Result<()> {
        if self.signer(seen).is_err() {
            return Ok(());
        }
        let alias = seen.path.rsplit('/').next().filter(|_| seen.operation == Operation::DeleteAlias);
        let qualifiers = match alias {
            Some(alias) => vec![Some(alias.to_owned())],
            None => self.qualifiers(&target.function).await?,
        };
        for qualifier in qualifiers {
            let query = qualifier.map(|alias| format!("?Qualifier={alias}")).unwrap_or_default();
            let path = format!("/2021-10-31/functions/{}/url{query}", target.function);
            self.admin.lambda(Method::DELETE, &path, &Value::Null).await?;
        }
        Ok(())
    }

    /// None (the unqualified function) and each alias.
    pub(super) async fn qualifiers(&self, function: &str) -> anyhow::Result<Vec<Option<String>>> {
        let aliases = self.ask(&format!("/2015-03-31/functions/{function}/aliases")).await?.unwrap_or_default();
        let names = aliases["Aliases"].as_array().cloned().unwrap_or_default();
        let names = names.iter().filter_map(|alias| alias["Name"].as_str().map(str::to_owned));
        Ok(std::iter::once(None).chain(names.map(Some)).collect())
    }
}

/// What the service model refuses. Source of the patterns: the Lambda service model, FunctionUrlQualifier and
/// FunctionUrlAuthType.
fn malformed(seen: &Seen, target: &Target) -> Option<Response<Bytes>> {
    if let Some(qualifier) = &target.qualifier {
        let alias = qualifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !qualifier.bytes().all(|byte| byte.is_ascii_digit());
        if !alias {
            return Some(refusal::constraint(qualifier, "qualifier", r"((?!^\d+$)^[0-9a-zA-Z-_]+$)"));
        }
    }
    let body = seen.json();
    let required = seen.operation == Operation::CreateFunctionUrlConfig;
    let given = |field: &str, allowed: [&str; 2], required: bool| match body[field].as_str() {
        Some(value) if allowed.contains(&value) => None,
        Some(value) => Some(refusal::constraint(value, field, &format!("[{}]", allowed.join(", ")))),
        None if required => Some(refusal::constraint("null", field, "Member must not be null")),
        None => None,
    };
    given("AuthType", ["AWS_IAM", "NONE"], required)
        .or_else(|| given("InvokeMode", ["BUFFERED", "RESPONSE_STREAM"], false))
        .or_else(|| cors::malformed(&body["Cors"]))
}
