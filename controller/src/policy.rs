//! A function's resource policy in a canonical form, and the statements that we want in it. Pure; it never decides what to
//! write. A little more than 300 lines: what is read and what is wanted have one form, told in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lambdaroute_crds::AuthType;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sid::Kind;

mod admits;
mod parse;
mod size;

pub use size::MAX_BYTES;

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
    /// The length of its JSON as AWS counts it; 0: there is no policy.
    pub bytes: usize,
    /// Of the read; none after a write of our own, whose answer doesn't tell it.
    pub revision_id: Option<String>,
}

/// Who is let in, as AddPermission is given it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grantee {
    /// `*`, the ARN of a role or user, an account, or a service.
    pub principal: String,
    /// When.
    #[serde(default)]
    pub conditions: Conditions,
}

impl Grantee {
    /// Whoever is this principal.
    pub fn of(principal: &str) -> Self {
        Self { principal: principal.to_owned(), conditions: Conditions::default() }
    }

    /// What AWS can't carry out, or what would let in more than is meant.
    ///
    /// # Errors
    /// The field within the grant, and the remedy.
    pub fn judge(&self) -> Result<(), String> {
        let Self { principal, conditions: Conditions { source_arn, source_account, principal_org_id } } = self;
        let plain = !principal.is_empty() && principal.bytes().all(|b| b.is_ascii_graphic());
        let kind = Principal::new(principal, "aws");
        let service = matches!(&kind, Principal::Service(name) if name.ends_with(".amazonaws.com"));
        let named = match &kind {
            Principal::Aws(arn) => arn.starts_with("arn:aws:iam::") && !arn.contains('*'),
            Principal::Any => true,
            Principal::Service(_) | Principal::Other(..) => service,
        };
        if !plain || !named {
            return Err("principal must be a role's or user's ARN, an account, an AWS service or *".to_owned());
        }
        if service != (source_arn.is_some() || source_account.is_some()) {
            return Err("sourceARN and sourceAccount go with a service, which needs one of them".to_owned());
        }
        if principal_org_id.is_some() && !matches!(kind, Principal::Aws(_)) {
            return Err("principalOrgID goes with a role, a user or an account".to_owned());
        }
        Ok(())
    }
}

/// Conditions that AddPermission can express.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conditions {
    /// `ArnLike` on `AWS:SourceArn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_arn: Option<String>,
    /// `StringEquals` on `AWS:SourceAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_account: Option<String>,
    /// `StringEquals` on `aws:PrincipalOrgID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_org_id: Option<String>,
}

impl Conditions {
    /// Operator, key as AWS spells it, and value of each that is given.
    fn given(&self) -> Vec<(&'static str, &'static str, &str)> {
        let Self { source_arn, source_account, principal_org_id } = self;
        [
            ("ArnLike", "AWS:SourceArn", source_arn),
            ("StringEquals", "AWS:SourceAccount", source_account),
            ("StringEquals", "aws:PrincipalOrgID", principal_org_id),
        ]
        .into_iter()
        .filter_map(|(operator, key, value)| Some((operator, key, value.as_deref()?)))
        .collect()
    }
}

/// One statement that we want: half of a pair. AWS has required both since October 2025.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// Who, and when.
    pub grantee: Grantee,
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
    /// The pair for somebody: public for `*`.
    pub fn pair(grantee: &Grantee, auth_type: AuthType) -> [Grant; 2] {
        let grant = |access| Grant { grantee: grantee.clone(), access };
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
            Access::Url(auth_type) => ("StringEquals", "lambda:FunctionUrlAuthType", auth_type.as_str()),
            Access::Fn => ("Bool", "lambda:InvokedViaFunctionUrl", "true"),
        };
        let conditions = self.grantee.conditions.given().into_iter().chain([condition]);
        let partition = resource.split(':').nth(1).unwrap_or("aws");
        Statement {
            sid,
            effect: "Allow".to_owned(),
            principals: BTreeSet::from([Principal::new(&self.grantee.principal, partition)]),
            actions: BTreeSet::from([self.action().to_owned()]),
            resources: BTreeSet::from([resource.to_owned()]),
            conditions: conditions
                .map(|(operator, key, value)| {
                    ((operator.to_owned(), key.to_ascii_lowercase()), BTreeSet::from([value.to_owned()]))
                })
                .collect(),
        }
    }

    /// Twelve hex digits over principal, action, auth type and conditions: a changed statement has another Sid and can stand
    /// beside the old one until that goes.
    pub fn hash(&self) -> String {
        let condition = match self.access {
            Access::Url(auth_type) => auth_type.as_str(),
            Access::Fn => "via-function-url",
        };
        let mut text = format!("{}\n{}\n{condition}", self.grantee.principal, self.action());
        for (operator, key, value) in self.grantee.conditions.given() {
            text.push_str(&format!("\n{operator} {key} {value}"));
        }
        hex::encode(&Sha256::digest(text.as_bytes())[..6])
    }
}

/// For a person: `lambda:InvokeFunctionUrl for PRINCIPAL (FunctionUrlAuthType AWS_IAM)`.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} (", self.action(), self.grantee.principal)?;
        match self.access {
            Access::Url(auth_type) => write!(f, "FunctionUrlAuthType {}", auth_type.as_str())?,
            Access::Fn => write!(f, "InvokedViaFunctionUrl true")?,
        }
        for (_, key, value) in self.grantee.conditions.given() {
            write!(f, ", {} {value}", key.rsplit(':').next().unwrap_or(key))?;
        }
        write!(f, ")")
    }
}

#[cfg(test)]
mod tests;
