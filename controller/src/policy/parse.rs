//! Reads the JSON of GetPolicy: tolerant of scalars and lists everywhere, strict about anything it doesn't know.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{ConditionKey, Principal, Statement};

/// A policy that can't be read: nothing may be decided on it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPolicy {
    /// Not the JSON of a policy.
    #[error("the function's policy can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A value of a kind that policies don't have.
    #[error("the function's policy can't be read: {0} is neither text nor a list of texts")]
    Value(&'static str),
    /// A member of a statement that would change its meaning.
    #[error("the function's policy can't be read: unknown statement member {0:?}")]
    Member(String),
}

#[derive(Deserialize)]
struct RawPolicy {
    #[serde(rename = "Statement", default)]
    statements: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<serde_json::Map<String, Value>>),
    One(serde_json::Map<String, Value>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        OneOrMany::Many(Vec::new())
    }
}

/// The statements of GetPolicy's `Policy` string.
///
/// # Errors
/// [`InvalidPolicy`].
pub fn parse(json: &str) -> Result<Vec<Statement>, InvalidPolicy> {
    let raw: RawPolicy = serde_json::from_str(json)?;
    match raw.statements {
        OneOrMany::Many(many) => many.iter().map(statement).collect(),
        OneOrMany::One(one) => Ok(vec![statement(&one)?]),
    }
}

/// The statement of AddPermission's `Statement` string.
///
/// # Errors
/// [`InvalidPolicy`].
pub fn parse_statement(json: &str) -> Result<Statement, InvalidPolicy> {
    statement(&serde_json::from_str(json)?)
}

fn statement(raw: &serde_json::Map<String, Value>) -> Result<Statement, InvalidPolicy> {
    let mut statement = Statement {
        sid: None,
        effect: String::new(),
        principals: BTreeSet::new(),
        actions: BTreeSet::new(),
        resources: BTreeSet::new(),
        conditions: BTreeMap::new(),
    };
    for (member, value) in raw {
        match member.as_str() {
            "Sid" => statement.sid = texts(value, "Sid")?.into_iter().next(),
            "Effect" => statement.effect = texts(value, "Effect")?.into_iter().next().unwrap_or_default(),
            "Principal" => statement.principals = principals(value)?,
            "Action" => statement.actions = texts(value, "Action")?,
            "Resource" => statement.resources = texts(value, "Resource")?,
            "Condition" => statement.conditions = conditions(value)?,
            other => return Err(InvalidPolicy::Member(other.to_owned())),
        }
    }
    Ok(statement)
}

fn principals(value: &Value) -> Result<BTreeSet<Principal>, InvalidPolicy> {
    let Value::Object(kinds) = value else {
        return Ok(texts(value, "Principal")?
            .iter()
            .map(|text| if text == "*" { Principal::Any } else { Principal::Aws(text.clone()) })
            .collect());
    };
    let mut principals = BTreeSet::new();
    for (kind, names) in kinds {
        for name in texts(names, "Principal")? {
            principals.insert(match kind.as_str() {
                "AWS" => Principal::new(&name, "aws"),
                "Service" => Principal::Service(name),
                _ => Principal::Other(kind.clone(), name),
            });
        }
    }
    Ok(principals)
}

fn conditions(value: &Value) -> Result<BTreeMap<ConditionKey, BTreeSet<String>>, InvalidPolicy> {
    let Value::Object(operators) = value else { return Err(InvalidPolicy::Value("Condition")) };
    let mut conditions = BTreeMap::new();
    for (operator, keys) in operators {
        let Value::Object(keys) = keys else { return Err(InvalidPolicy::Value("Condition")) };
        for (key, values) in keys {
            let mut values = texts(values, "Condition")?;
            if operator == "Bool" {
                values = values.into_iter().map(|value| value.to_ascii_lowercase()).collect();
            }
            conditions.insert((operator.clone(), key.to_ascii_lowercase()), values);
        }
    }
    Ok(conditions)
}

fn texts(value: &Value, what: &'static str) -> Result<BTreeSet<String>, InvalidPolicy> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(InvalidPolicy::Value(what)),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        scalar => Ok(BTreeSet::from([text(scalar)?])),
    }
}
