//! What IAM refused, read from AWS's message: who, what, on which resource. Pure.

use crate::principal::without_session;

/// The parts of an AccessDenied message that a remedy needs. They don't change from one try to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The IAM action.
    pub action: String,
    /// What it was to be done on, where AWS said it.
    pub resource: Option<String>,
    /// Who was refused, where AWS said it: a role without its session's name.
    pub principal: Option<String>,
}

impl Denied {
    /// `User: <arn> is not authorized to perform: <action> on resource: <arn> because …`.
    pub fn parse(operation: &str, message: &str) -> Self {
        let after = |marker: &str| {
            let text = message.split_once(marker)?.1;
            let word = text.split_whitespace().next()?.trim_end_matches(['.', ',']);
            (!word.is_empty()).then(|| word.to_owned())
        };
        Self {
            action: after("to perform: ").unwrap_or_else(|| operation.to_owned()),
            resource: after("on resource: "),
            principal: after("User: ").map(|arn| without_session(&arn)),
        }
    }
}

#[cfg(test)]
mod tests;
