//! GetPolicy, AddPermission and RemovePermission as AWS answers them.

use std::sync::PoisonError;

use bytes::Bytes;
use http::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::policy::{MAX_POLICY, document, is_account, is_statement_id, of_qualifier, revision, shown, sid_there};
use super::{LambdaRules, collected, refusal};
use crate::gate::call::Seen;
use crate::gate::operation::Target;
use crate::gate::upstream::Lane;

const MISSING: &str = "The resource you requested does not exist.";

impl LambdaRules {
    pub(super) async fn get_policy(
        &self,
        seen: &Seen,
        target: &Target,
        lane: &mut Lane,
    ) -> anyhow::Result<Response<Bytes>> {
        let answer = collected(lane.send(seen.request()?).await?).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(refusal::not_found(MISSING)),
            _ => return Ok(answer),
        }
        let statements = self.policy(target).await?.unwrap_or_default();
        if statements.is_empty() {
            return Ok(refusal::not_found(MISSING));
        }
        let body = json!({ "Policy": document(&statements), "RevisionId": self.revision(target, &statements) });
        Ok(answer.map(|_| Bytes::from(body.to_string())))
    }

    pub(super) async fn add_permission(
        &self,
        seen: &Seen,
        target: &Target,
        lane: &mut Lane,
    ) -> anyhow::Result<Response<Bytes>> {
        let signer = match self.signer(seen) {
            Ok(signer) => signer,
            Err(refused) => return Ok(refusal::signature(&refused)),
        };
        let mut body = seen.json();
        if let Some(refused) = malformed(&body, target) {
            return Ok(refused);
        }
        let loses = self.overlap(&target.function).await;
        let _writing = self.writing.lock().await;
        let Some(statements) = self.policy(target).await? else {
            return Ok(refusal::not_found(&format!("Function not found: {}", self.arn(target))));
        };
        if let Some(refused) = self.stale(body["RevisionId"].as_str(), target, &statements) {
            return Ok(refused);
        }
        let sid = body["StatementId"].as_str().unwrap_or_default().to_owned();
        if statements.iter().any(|statement| statement["Sid"] == sid) {
            let message = format!(
                "The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the \
                 existing statement."
            );
            return Ok(refusal::api(StatusCode::CONFLICT, "ResourceConflictException", &message));
        }
        let size = document(&[&statements[..], &[expected(&body, &self.arn(target))]].concat()).len();
        if size > MAX_POLICY {
            let message = format!("The final policy size ({size}) is bigger than the limit ({MAX_POLICY}).");
            return Ok(refusal::api(StatusCode::BAD_REQUEST, "PolicyLengthExceededException", &message));
        }
        body["StatementId"] = Value::String(sid_there(&sid, target.qualifier.as_deref()));
        let sent = Bytes::from(body.to_string());
        let answer = collected(self.send_changed(seen, &seen.target(), sent, &signer.credentials, lane).await?).await?;
        if answer.status() != StatusCode::CREATED {
            return Ok(answer);
        }
        self.written(target);
        if loses {
            self.lose(&target.function, &sid_there(&sid, target.qualifier.as_deref())).await?;
        }
        let there: Value = serde_json::from_slice(answer.body())?;
        let statement: Value = serde_json::from_str(there["Statement"].as_str().unwrap_or_default())?;
        let statement = shown(&statement, target.qualifier.as_deref()).to_string();
        Ok(answer.map(|_| Bytes::from(json!({ "Statement": statement }).to_string())))
    }

    pub(super) async fn remove_permission(
        &self,
        seen: &Seen,
        target: &Target,
        lane: &mut Lane,
    ) -> anyhow::Result<Response<Bytes>> {
        let signer = match self.signer(seen) {
            Ok(signer) => signer,
            Err(refused) => return Ok(refusal::signature(&refused)),
        };
        let (base, last) = seen.path.rsplit_once('/').unwrap_or_default();
        let sid = percent_decode_str(last).decode_utf8_lossy().into_owned();
        let _writing = self.writing.lock().await;
        let Some(statements) = self.policy(target).await? else {
            return Ok(refusal::not_found(&format!("No policy found for: {}", self.arn(target))));
        };
        if let Some(refused) = self.stale(seen.parameter("RevisionId").as_deref(), target, &statements) {
            return Ok(refused);
        }
        if statements.is_empty() {
            return Ok(refusal::not_found("No policy is associated with the given resource."));
        }
        if !statements.iter().any(|statement| statement["Sid"] == sid) {
            return Ok(refusal::not_found(&format!("Statement {sid} is not found in resource policy.")));
        }
        let there = self.actual_sid(&sid, target).await?;
        let query = if seen.query.is_empty() { String::new() } else { format!("?{}", seen.query) };
        let changed = format!("{base}/{}{query}", utf8_percent_encode(&there, NON_ALPHANUMERIC));
        let sent = self.send_changed(seen, &changed, seen.body.clone(), &signer.credentials, lane).await?;
        let answer = collected(sent).await?;
        if answer.status().is_success() {
            self.written(target);
        }
        Ok(answer)
    }

    /// The Sid in the emulator: statements that were written around the gate have their own.
    async fn actual_sid(&self, sid: &str, target: &Target) -> anyhow::Result<String> {
        let mapped = sid_there(sid, target.qualifier.as_deref());
        let all = self.statements(&target.function).await?.unwrap_or_default();
        Ok(if all.iter().any(|statement| statement["Sid"] == mapped) { mapped } else { sid.to_owned() })
    }

    /// The policy of exactly this qualifier. `None`: no such function.
    pub(super) async fn policy(&self, target: &Target) -> anyhow::Result<Option<Vec<Value>>> {
        let all = self.statements(&target.function).await?;
        Ok(all.map(|all| of_qualifier(&all, &self.arn(target), target.qualifier.as_deref())))
    }

    fn revision(&self, target: &Target, statements: &[Value]) -> String {
        let revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        revision(revisions.get(&self.arn(target)).copied().unwrap_or_default(), statements)
    }

    fn written(&self, target: &Target) {
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        *revisions.entry(self.arn(target)).or_default() += 1;
    }

    fn stale(&self, given: Option<&str>, target: &Target, statements: &[Value]) -> Option<Response<Bytes>> {
        let given = given?;
        (given != self.revision(target, statements)).then(|| {
            let message = "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to \
                           retrieve the latest Revision Id";
            refusal::api(StatusCode::PRECONDITION_FAILED, "PreconditionFailedException", message)
        })
    }
}

/// What the service model and Lambda itself refuse before they look at the function.
fn malformed(body: &Value, target: &Target) -> Option<Response<Bytes>> {
    let sid = body["StatementId"].as_str().unwrap_or_default();
    let action = body["Action"].as_str().unwrap_or_default();
    if !is_statement_id(sid) {
        return Some(refusal::constraint(sid, "statementId", "([a-zA-Z0-9-_]+)"));
    }
    for (member, pattern, fits) in [
        ("Principal", r"[^\s]+", is_principal as fn(&str) -> bool),
        ("SourceAccount", r"\d{12}", |account| is_account(account)),
        ("PrincipalOrgID", r"^o-[a-z0-9]{10,32}$", is_organization),
    ] {
        if let Some(value) = body[member].as_str().filter(|value| !fits(value)) {
            return Some(refusal::constraint(value, &lower_first(member), pattern));
        }
    }
    if target.qualifier.as_deref() == Some("$LATEST") {
        return Some(refusal::invalid("We currently do not support adding policies for $LATEST."));
    }
    if !body["FunctionUrlAuthType"].is_null() && action != "lambda:InvokeFunctionUrl" {
        return Some(refusal::invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"));
    }
    if !body["InvokedViaFunctionUrl"].is_null() && action != "lambda:InvokeFunction" {
        return Some(refusal::invalid("InvokedViaFunctionUrl is only supported for lambda:InvokeFunction action"));
    }
    None
}

/// 1 to 2048 characters, none of them a space. Source: the service model.
fn is_principal(text: &str) -> bool {
    (1..=2048).contains(&text.len()) && !text.contains(char::is_whitespace)
}

fn is_organization(text: &str) -> bool {
    let id = text.strip_prefix("o-").unwrap_or_default();
    (10..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// A member as AWS names it in a message.
fn lower_first(member: &str) -> String {
    let mut letters = member.chars();
    letters.next().map(|first| first.to_ascii_lowercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// The statement that AWS would make of an AddPermission, for its size.
fn expected(body: &Value, arn: &str) -> Value {
    let principal = match body["Principal"].as_str().unwrap_or_default() {
        "*" => json!("*"),
        service if service.ends_with(".amazonaws.com") => json!({ "Service": service }),
        other => json!({ "AWS": other }),
    };
    let mut statement = json!({
        "Sid": body["StatementId"], "Effect": "Allow", "Principal": principal, "Action": body["Action"], "Resource": arn,
    });
    let keys = [
        ("StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
        ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
        ("StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"),
        ("ArnLike", "AWS:SourceArn", "SourceArn"),
    ];
    for (operator, key, field) in keys {
        if let Some(value) = body[field].as_str() {
            statement["Condition"][operator][key] = json!(value);
        }
    }
    if body["InvokedViaFunctionUrl"] == true {
        statement["Condition"]["Bool"]["lambda:InvokedViaFunctionUrl"] = json!("true");
    }
    shown(&statement, None)
}
