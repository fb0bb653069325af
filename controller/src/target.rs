//! The function target: the function, or alias of it, in one account and Region, that routes share. Resolving a spec to it is
//! pure. Never resolves to another target than the pinned one.

use std::fmt;

use lambdaroute_crds::Function;
use lambdaroute_crds::condition::Reason;
use sha2::{Digest, Sha256};

/// Where AWS has one URL config and one policy. Ordered and hashed as a whole: it is the key of observing and planning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionTarget {
    /// `aws`.
    pub partition: String,
    /// The function's Region.
    pub region: String,
    /// 12 digits.
    pub account_id: String,
    /// The bare name.
    pub function_name: String,
    /// An alias; none: the unqualified function.
    pub qualifier: Option<String>,
}

impl FunctionTarget {
    /// The ARN without the alias.
    pub fn unqualified_arn(&self) -> String {
        let Self { partition, region, account_id, function_name, qualifier: _ } = self;
        format!("arn:{partition}:lambda:{region}:{account_id}:function:{function_name}")
    }

    /// The ARN with the alias, where there is one: what statements name as their resource.
    pub fn arn(&self) -> String {
        match &self.qualifier {
            Some(qualifier) => format!("{}:{qualifier}", self.unqualified_arn()),
            None => self.unqualified_arn(),
        }
    }

    /// The target of a function's ARN, with or without an alias.
    pub fn parse_arn(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let (region, account_id, function_name, qualifier) = match parts.as_slice() {
            ["arn", _, "lambda", region, account, "function", name] => (region, account, name, None),
            ["arn", _, "lambda", region, account, "function", name, qualifier] => {
                (region, account, name, Some((*qualifier).to_owned()))
            }
            _ => return None,
        };
        if [region, account_id, function_name].iter().any(|part| part.is_empty()) || qualifier.as_deref() == Some("") {
            return None;
        }
        Some(Self {
            partition: parts[1].to_owned(),
            region: (*region).to_owned(),
            account_id: (*account_id).to_owned(),
            function_name: (*function_name).to_owned(),
            qualifier,
        })
    }

    /// Twelve hex digits of the ARN's SHA-256: the target's part of our Sids.
    pub fn hash(&self) -> String {
        hex::encode(&Sha256::digest(self.arn().as_bytes())[..6])
    }

    /// `orders` or `orders:PROD`, for the column of `kubectl get`.
    pub fn short(&self) -> String {
        short(&self.function_name, self.qualifier.as_deref())
    }
}

impl fmt::Display for FunctionTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn())
    }
}

fn short(name: &str, qualifier: Option<&str>) -> String {
    match qualifier {
        Some(qualifier) => format!("{name}:{qualifier}"),
        None => name.to_owned(),
    }
}

/// The column's text for a spec that may not resolve.
pub fn display_name(function: &Function) -> Option<String> {
    let name = match (&function.name, &function.arn) {
        (Some(name), _) => name.as_str(),
        (None, Some(arn)) => arn.rsplit(':').next().unwrap_or(arn),
        (None, None) => return None,
    };
    Some(short(name, function.qualifier.as_deref()))
}

/// What stands in for what a spec leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The controller's own Region; none if it has none.
    pub region: Option<String>,
    /// The account of the controller's credentials, as STS names it.
    pub account_id: String,
    /// The partition of the controller's credentials.
    pub partition: String,
}

impl Defaults {
    /// Whether a function is of the controller's own account, which alone it may touch.
    pub fn is_account_of(&self, target: &FunctionTarget) -> bool {
        (&self.account_id, &self.partition) == (&target.account_id, &target.partition)
    }
}

/// Why a spec names no target that this version may touch. Nothing is written for such a route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Neither name nor ARN, or both.
    #[error("give exactly one of spec.function.name and spec.function.arn")]
    Unnamed,
    /// An ARN that isn't an unqualified function's.
    #[error("spec.function.arn {0:?} is not the unqualified ARN of a Lambda function")]
    Arn(String),
    /// A version number or `$LATEST` where an alias is due.
    #[error("spec.function.qualifier {0:?} is not an alias: AWS attaches function URLs to aliases only")]
    Qualifier(String),
    /// No Region anywhere.
    #[error("give spec.function.region: the controller has no Region of its own")]
    NoRegion,
    /// A partition without function URLs.
    #[error("partition {0} is not supported: AWS has function URLs in partition aws only")]
    Partition(String),
    /// Another account than the controller's.
    #[error("{field} names account {given}, but the controller works in account {own} only")]
    Account {
        /// The field of the manifest.
        field: &'static str,
        /// Its account.
        given: String,
        /// The account of the controller's credentials.
        own: String,
    },
    /// A changed default would move the route.
    #[error(
        "this route is pinned to {pinned}, but the controller's present Region and account would make it {resolved}: \
         give the controller its former Region and account back, or delete the LambdaRoute and make another one"
    )]
    Changed {
        /// The pinned function, unqualified.
        pinned: String,
        /// What it would be now, unqualified.
        resolved: String,
    },
}

impl Refusal {
    /// The reason of `Accepted`.
    pub fn reason(&self) -> Reason {
        match self {
            Refusal::Unnamed | Refusal::Arn(_) | Refusal::Qualifier(_) => Reason::InvalidSpec,
            Refusal::NoRegion | Refusal::Partition(_) | Refusal::Account { .. } => Reason::UnsupportedValue,
            Refusal::Changed { .. } => Reason::TargetChanged,
        }
    }
}

/// The target of a spec's function. `pinned` is the target that the route was brought to before (its qualifier may differ:
/// only that may change).
///
/// # Errors
/// [`Refusal`], with the field and the remedy.
pub fn resolve(
    function: &Function,
    defaults: &Defaults,
    pinned: Option<&FunctionTarget>,
) -> Result<FunctionTarget, Refusal> {
    let Function { name, arn, qualifier, region, account_id } = function;
    if let Some(qualifier) = qualifier
        && (qualifier == "$LATEST" || qualifier.is_empty() || qualifier.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(Refusal::Qualifier(qualifier.clone()));
    }
    let (mut target, account_field) = match (name, arn) {
        (Some(name), None) => {
            let region = region.clone().or_else(|| defaults.region.clone()).ok_or(Refusal::NoRegion)?;
            let target = FunctionTarget {
                partition: defaults.partition.clone(),
                region,
                account_id: account_id.clone().unwrap_or_else(|| defaults.account_id.clone()),
                function_name: name.clone(),
                qualifier: None,
            };
            (target, "spec.function.accountID")
        }
        (None, Some(arn)) => match FunctionTarget::parse_arn(arn) {
            Some(target) if target.qualifier.is_none() => (target, "spec.function.arn"),
            _ => return Err(Refusal::Arn(arn.clone())),
        },
        (None, None) | (Some(_), Some(_)) => return Err(Refusal::Unnamed),
    };
    if target.partition != "aws" {
        return Err(Refusal::Partition(target.partition));
    }
    if let Some(pinned) = pinned
        && pinned.unqualified_arn() != target.unqualified_arn()
    {
        return Err(Refusal::Changed { pinned: pinned.unqualified_arn(), resolved: target.unqualified_arn() });
    }
    if target.account_id != defaults.account_id {
        return Err(Refusal::Account {
            field: account_field,
            given: target.account_id,
            own: defaults.account_id.clone(),
        });
    }
    target.qualifier = qualifier.clone();
    Ok(target)
}

#[cfg(test)]
mod tests;
