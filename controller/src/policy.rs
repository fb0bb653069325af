//! A function's resource policy in a canonical form, and the statements that we want in it. Pure; it never decides what to
//! write.

use std::collections::{BTreeMap, BTreeSet};

use lambdaroute_crds::AuthType;
use sha2::{Digest, Sha256};

use crate::sid::Kind;

mod parse;

pub use parse::{InvalidPolicy, parse, parse_statement};

/// A principal as a policy names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Principal {
    /// `*`.
    Any,
    /// An ARN, or the unique id of a principal that exists no more. An account is its root's ARN.
    Aws(String),
    /// `events.amazonaws.com`.
    Service(String),
    /// Another kind (`Federated`, `CanonicalUser`), with its name.
    Other(String, String),
}

impl Principal {
    /// From what AddPermission is given: `*`, an ARN, an account or a service.
    pub fn new(text: &str, partition: &str) -> Self {
        match text {
            "*" => Principal::Any,
            _ if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) => {
                Principal::Aws(format!("arn:{partition}:iam::{text}:root"))
            }
            _ if text.starts_with("arn:") || is_unique_id(text) => Principal::Aws(text.to_owned()),
            _ => Principal::Service(text.to_owned()),
        }
    }

    /// A deleted role or user: AWS shows its unique id, and the grant is dead even if the ARN comes back.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
    pub fn is_stale(&self) -> bool {
        matches!(self, Principal::Aws(id) if is_unique_id(id))
    }
}

fn is_unique_id(text: &str) -> bool {
    (text.starts_with("AROA") || text.starts_with("AIDA"))
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Operator and key of a condition, the key in lower case (AWS spells `AWS:SourceArn` but `aws:PrincipalOrgID`).
pub type ConditionKey = (String, String);

/// One statement, so that two that mean the same are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Statement {
    /// Its Sid.
    pub sid: Option<String>,
    /// `Allow`: AddPermission writes nothing else.
    pub effect: String,
    /// Who.
    pub principals: BTreeSet<Principal>,
    /// What.
    pub actions: BTreeSet<String>,
    /// On what.
    pub resources: BTreeSet<String>,
    /// When.
    pub conditions: BTreeMap<ConditionKey, BTreeSet<String>>,
}

impl Statement {
    /// Whether both let the same in, under whatever Sid.
    pub fn same_grant(&self, other: &Statement) -> bool {
        let Statement { sid: _, effect, principals, actions, resources, conditions } = self;
        *effect == other.effect
            && *principals == other.principals
            && *actions == other.actions
            && *resources == other.resources
            && *conditions == other.conditions
    }
}

/// A policy as last observed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// In AWS's order.
    pub statements: Vec<Statement>,
    /// Of the read; none after a write of our own, whose answer doesn't tell it.
    pub revision_id: Option<String>,
}

/// One statement that we want: half of a pair. AWS has required both since October 2025.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// `*`, or the ARN of a role or user.
    pub principal: String,
    /// Which half, and for the `url` half the auth type that it is for.
    pub access: Access,
}

/// What a statement allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// `lambda:InvokeFunctionUrl` while the URL has this auth type.
    Url(AuthType),
    /// `lambda:InvokeFunction` through the URL: without that condition the principal could also call Invoke itself.
    Fn,
}

impl PartialOrd for Access {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Access {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |access: &Access| match access {
            Access::Url(auth_type) => (0, auth_type.as_str()),
            Access::Fn => (1, ""),
        };
        key(self).cmp(&key(other))
    }
}

impl Grant {
    /// The pair for a principal: public for `*`.
    pub fn pair(principal: &str, auth_type: AuthType) -> [Grant; 2] {
        let grant = |access| Grant { principal: principal.to_owned(), access };
        [grant(Access::Url(auth_type)), grant(Access::Fn)]
    }

    /// Which half.
    pub fn kind(&self) -> Kind {
        match self.access {
            Access::Url(_) => Kind::Url,
            Access::Fn => Kind::Fn,
        }
    }

    /// The IAM action.
    pub fn action(&self) -> &'static str {
        match self.access {
            Access::Url(_) => "lambda:InvokeFunctionUrl",
            Access::Fn => "lambda:InvokeFunction",
        }
    }

    /// As it stands in a policy on this function target.
    pub fn statement(&self, sid: Option<String>, resource: &str) -> Statement {
        let condition = match self.access {
            Access::Url(auth_type) => {
                (("StringEquals".to_owned(), "lambda:functionurlauthtype".to_owned()), auth_type.as_str().to_owned())
            }
            Access::Fn => (("Bool".to_owned(), "lambda:invokedviafunctionurl".to_owned()), "true".to_owned()),
        };
        let partition = resource.split(':').nth(1).unwrap_or("aws");
        Statement {
            sid,
            effect: "Allow".to_owned(),
            principals: BTreeSet::from([Principal::new(&self.principal, partition)]),
            actions: BTreeSet::from([self.action().to_owned()]),
            resources: BTreeSet::from([resource.to_owned()]),
            conditions: BTreeMap::from([(condition.0, BTreeSet::from([condition.1]))]),
        }
    }

    /// Twelve hex digits over principal, action, auth type and conditions: a changed statement has another Sid and can stand
    /// beside the old one until that goes.
    pub fn hash(&self) -> String {
        let condition = match self.access {
            Access::Url(auth_type) => auth_type.as_str(),
            Access::Fn => "via-function-url",
        };
        let text = format!("{}\n{}\n{condition}", self.principal, self.action());
        hex::encode(&Sha256::digest(text.as_bytes())[..6])
    }
}

#[cfg(test)]
mod tests;
