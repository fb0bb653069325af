//! A function's resource policy as AWS reads it. Pure.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The limit of a policy, in bytes of its JSON without spaces. Source: Lambda quotas; the exact number from AWS's error.
pub(super) const MAX_POLICY: usize = 20_480;

/// Whether AWS takes it as a StatementId: `[a-zA-Z0-9-_]+`, 1 to 100 characters. Source: the service model.
pub(super) fn is_statement_id(sid: &str) -> bool {
    (1..=100).contains(&sid.len()) && sid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The emulator has one space of Sids for a function. A dot, which AWS doesn't allow in one, makes room.
pub(super) fn sid_there(sid: &str, qualifier: Option<&str>) -> String {
    qualifier.map_or_else(|| sid.to_owned(), |qualifier| format!("{sid}.{qualifier}"))
}

/// The statements of one qualifier, as AWS shows them.
pub(super) fn of_qualifier(all: &[Value], arn: &str, qualifier: Option<&str>) -> Vec<Value> {
    all.iter().filter(|statement| statement["Resource"] == arn).map(|statement| shown(statement, qualifier)).collect()
}

/// A statement with the Sid that its writer gave, and an account as AWS writes it.
pub(super) fn shown(statement: &Value, qualifier: Option<&str>) -> Value {
    let mut statement = statement.clone();
    let suffix = qualifier.map(|qualifier| format!(".{qualifier}")).unwrap_or_default();
    if let Some(sid) = statement["Sid"].as_str().and_then(|sid| sid.strip_suffix(&suffix)).map(str::to_owned) {
        statement["Sid"] = Value::String(sid);
    }
    let account = statement["Principal"]["AWS"].as_str().filter(|name| is_account(name)).map(str::to_owned);
    if let Some(account) = account {
        statement["Principal"]["AWS"] = Value::String(format!("arn:aws:iam::{account}:root"));
    }
    statement
}

pub(super) fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The whole policy's text.
pub(super) fn document(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements }).to_string()
}

/// A revision: another one after every write, the same as long as nothing was written.
pub(super) fn revision(writes: u64, statements: &[Value]) -> String {
    let digest = hex::encode(Sha256::digest(format!("{writes} {}", document(statements))));
    format!("{}-{}-4{}-8{}-{}", &digest[..8], &digest[8..12], &digest[12..15], &digest[15..18], &digest[18..30])
}

/// Whether a resource policy lets a principal call a function URL: both statements, since October 2025.
/// `principal` is the ARN of the user or role; `None` is anybody. Source: developer guide, "Control access to Lambda
/// function URLs".
pub(super) fn admits(statements: &[Value], principal: Option<&str>, auth_type: &str) -> bool {
    let some = |action: &str| {
        statements.iter().any(|statement| {
            statement["Effect"] == "Allow"
                && allows_action(&statement["Action"], action)
                && names(&statement["Principal"], principal)
                && conditions_hold(&statement["Condition"], action, auth_type)
        })
    };
    some("lambda:InvokeFunctionUrl") && some("lambda:InvokeFunction")
}

fn allows_action(action: &Value, wanted: &str) -> bool {
    action.as_str().is_some_and(|action| action == wanted || action == "lambda:*" || action == "*")
}

/// An account (`…:root`) is nobody in particular: within the account it leaves the decision to identity policies.
fn names(principal: &Value, wanted: Option<&str>) -> bool {
    let named = principal.as_str().or(principal["AWS"].as_str());
    named == Some("*") || (wanted.is_some() && named == wanted)
}

/// Conditions of other keys (a source ARN, an organisation) are never met by these callers.
fn conditions_hold(conditions: &Value, action: &str, auth_type: &str) -> bool {
    let Some(operators) = conditions.as_object() else { return true };
    operators.values().filter_map(Value::as_object).flatten().all(|(key, value)| {
        match key.to_ascii_lowercase().as_str() {
            "lambda:functionurlauthtype" => action == "lambda:InvokeFunctionUrl" && value == auth_type,
            "lambda:invokedviafunctionurl" => action == "lambda:InvokeFunction" && value == "true",
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests;
