//! Whether a policy lets in what a grant would, by whoever's statement. It never says whom IAM lets in besides.

use super::{Grant, Policy, Principal, Statement};

impl Policy {
    /// Whether some statement, whoever wrote it, lets in all that this grant would.
    pub fn admits(&self, grant: &Grant, resource: &str) -> bool {
        let wanted = grant.statement(None, resource);
        self.statements.iter().any(|statement| {
            let Statement { sid: _, effect, principals, actions, resources, conditions } = statement;
            effect == "Allow"
                && (principals.contains(&Principal::Any) || wanted.principals.is_subset(principals))
                && actions.iter().any(|action| action == "*" || action == "lambda:*" || action == grant.action())
                && resources.contains(resource)
                && conditions
                    .iter()
                    .all(|(key, values)| wanted.conditions.get(key).is_some_and(|wanted| wanted.is_subset(values)))
        })
    }
}
