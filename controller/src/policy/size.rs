//! How large a policy is, and will be after a change: AWS counts the bytes of its JSON without spaces, for each qualifier.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Policy, Principal, Statement};

/// AWS's limit. Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> (20 KB), and AWS's own words:
/// "The final policy size (20749) is bigger than the limit (20480)."
pub const MAX_BYTES: usize = 20_480;

/// `{"Version":"2012-10-17","Id":"default","Statement":[]}`.
const EMPTY_BYTES: usize = 54;

impl Statement {
    /// Its JSON as AWS writes it: one value is no list.
    pub fn bytes(&self) -> usize {
        let Statement { sid, effect, principals, actions, resources, conditions } = self;
        let mut operators = Map::new();
        for ((operator, key), values) in conditions {
            let keys = operators.entry(operator.clone()).or_insert_with(|| json!({}));
            keys[key] = one_or_many(values.iter().cloned().collect());
        }
        let mut statement = json!({
            "Effect": effect,
            "Principal": principal(principals),
            "Action": one_or_many(actions.iter().cloned().collect()),
            "Resource": one_or_many(resources.iter().cloned().collect()),
        });
        if let Some(sid) = sid {
            statement["Sid"] = json!(sid);
        }
        if !operators.is_empty() {
            statement["Condition"] = Value::Object(operators);
        }
        statement.to_string().len()
    }
}

fn principal(principals: &BTreeSet<Principal>) -> Value {
    if principals.contains(&Principal::Any) {
        return json!("*");
    }
    let mut kinds: std::collections::BTreeMap<&str, Vec<String>> = std::collections::BTreeMap::new();
    for principal in principals {
        let (kind, name) = match principal {
            Principal::Any => continue,
            Principal::Aws(name) => ("AWS", name),
            Principal::Service(name) => ("Service", name),
            Principal::Other(kind, name) => (kind.as_str(), name),
        };
        kinds.entry(kind).or_default().push(name.clone());
    }
    kinds.into_iter().map(|(kind, names)| (kind.to_owned(), one_or_many(names))).collect::<Map<_, _>>().into()
}

fn one_or_many(mut texts: Vec<String>) -> Value {
    if texts.len() == 1 { json!(texts.remove(0)) } else { json!(texts) }
}

impl Policy {
    /// With one statement more.
    pub fn add(&mut self, statement: Statement) {
        // A comma before all but the first.
        let comma = usize::from(!self.statements.is_empty());
        self.bytes = self.bytes.max(EMPTY_BYTES) + statement.bytes() + comma;
        self.statements.push(statement);
        self.revision_id = None;
    }

    /// Without the statements of this Sid. AWS has no policy without statements.
    pub fn remove(&mut self, sid: &str) {
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.statements)
            .into_iter()
            .partition(|statement| statement.sid.as_deref() == Some(sid));
        let freed: usize = gone.iter().map(|statement| statement.bytes() + 1).sum();
        self.bytes = if left.is_empty() { 0 } else { self.bytes.saturating_sub(freed) };
        self.statements = left;
        self.revision_id = None;
    }
}
