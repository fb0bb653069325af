//! What is left in AWS for one target, by name, with the command that takes it away. Pure.

use std::collections::BTreeSet;
use std::fmt;

use lambdaroute_crds::{Ownership, Target};

use crate::aws::{AwsError, ErrorKind};
use crate::observation::Observation;
use crate::sid::{ClusterId, Sid};
use crate::step::Step;
use crate::target::FunctionTarget;

/// How far a target was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// What was last seen, with what was written since. None: it couldn't be looked at.
    pub(super) observed: Option<Observation>,
    /// What is still to be done.
    pub(super) left: Vec<Step>,
    /// A URL config of ours that stays for these clusters.
    pub(super) in_use_by: BTreeSet<ClusterId>,
    /// Why the last try didn't come to its end.
    pub(super) failures: Vec<AwsError>,
}

/// Permission statements that are left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statements {
    /// These.
    Named(Vec<String>),
    /// Those that begin so, if there are any: the policy couldn't be read.
    Beginning(String),
}

/// What is left of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leftover {
    /// Where.
    pub(super) target: FunctionTarget,
    /// The function URL.
    pub(super) url: Option<String>,
    /// The statements.
    pub(super) statements: Statements,
    /// Why.
    pub(super) why: String,
}

impl Leftover {
    /// What wasn't taken back. None: nothing is left.
    pub(super) fn of(
        target: &FunctionTarget,
        taken: &Taken,
        entry: Option<&Target>,
        cluster: &ClusterId,
    ) -> Option<Self> {
        let Taken { observed, left, in_use_by: _, failures } = taken;
        let why = why(failures);
        let Some(observed) = observed else { return Some(Self { why, ..Self::unseen(target, entry, cluster) }) };
        let deletes = left.iter().any(|step| matches!(step, Step::DeleteFunctionUrlConfig { .. }));
        let sids = left.iter().filter_map(|step| match step {
            Step::RemovePermission { sid, .. } => Some(sid.to_string()),
            _ => None,
        });
        let (url, sids) =
            (observed.url.as_ref().filter(|_| deletes).map(|url| url.url.clone()), sids.collect::<Vec<_>>());
        let nothing = url.is_none() && sids.is_empty();
        (!nothing).then(|| Self { target: target.clone(), url, statements: Statements::Named(sids), why })
    }

    /// What a route's status says of a target that isn't looked at.
    pub(super) fn unseen(target: &FunctionTarget, entry: Option<&Target>, cluster: &ClusterId) -> Self {
        let ours = entry.filter(|entry| entry.ownership == Some(Ownership::Created));
        Self {
            target: target.clone(),
            url: ours.and_then(|entry| entry.function_url.clone()),
            statements: Statements::Beginning(Sid::prefix(cluster, &target.hash())),
            why: "it wasn't looked at".to_owned(),
        }
    }

    /// What and where, without the reason: AWS's words may change with every try.
    pub(super) fn named(&self) -> String {
        let url = self.url.as_ref().map(|url| format!("the function URL {url}"));
        let statements = match &self.statements {
            Statements::Named(sids) if sids.is_empty() => None,
            Statements::Named(sids) => Some(format!("the permission statements {}", sids.join(", "))),
            Statements::Beginning(prefix) => Some(format!("the permission statements {prefix}*, if there are any")),
        };
        let what: Vec<String> = url.into_iter().chain(statements).collect();
        format!("of {} {}", self.target, what.join(" and "))
    }

    /// One line for each thing that is left: what, and the command of the AWS CLI that takes it away or shows it.
    pub(super) fn lines(&self) -> Vec<String> {
        let FunctionTarget { region, function_name, qualifier, .. } = &self.target;
        let qualifier = qualifier.as_ref().map(|alias| format!(" --qualifier {alias}")).unwrap_or_default();
        let place = format!("--region {region} --function-name {function_name}{qualifier}");
        let url = self.url.as_ref().map(|url| format!("{url}: aws lambda delete-function-url-config {place}"));
        let statements = match &self.statements {
            Statements::Named(sids) => sids
                .iter()
                .map(|sid| format!("{sid}: aws lambda remove-permission {place} --statement-id {sid}"))
                .collect(),
            Statements::Beginning(prefix) => {
                vec![format!(
                    "{prefix}*, as shown by aws lambda get-policy {place}: aws lambda remove-permission {place} --statement-id SID"
                )]
            }
        };
        url.into_iter().chain(statements).collect()
    }
}

/// AWS's answers, or that there was no time for any.
fn why(failures: &[AwsError]) -> String {
    let said: Vec<String> =
        failures.iter().filter(|error| error.kind != ErrorKind::NotLeading).map(AwsError::to_string).collect();
    if said.is_empty() { "the time limit came first".to_owned() } else { said.join("; ") }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "left in AWS: {} ({})", self.named(), self.why)
    }
}

#[cfg(test)]
mod tests;
