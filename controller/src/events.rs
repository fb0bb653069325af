//! What is told as an Event: changes only, each with what, where, who and what now. Pure; [`crate::kubernetes`] sends them.

use kube::ResourceExt;
use lambdaroute_crds::condition::{ConditionType, Reason};
use lambdaroute_crds::{LambdaRoute, LambdaRouteStatus, Ownership, Target};

use crate::aws::AwsError;
use crate::drift::Drift;
use crate::observation::{Applied, Written};
use crate::sid::{ClusterId, Sid};
use crate::sources::{FetchError, Issuer};
use crate::status::find;
use crate::step::Step;
use crate::target::FunctionTarget;
use crate::view::Failure;

/// One Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// A Warning, or Normal.
    pub warning: bool,
    /// A CamelCase word of a closed list.
    pub reason: &'static str,
    /// What was being done.
    pub action: &'static str,
    /// For people.
    pub note: String,
}

impl Notice {
    fn normal(reason: &'static str, action: &'static str, note: String) -> Self {
        Self { warning: false, reason, action, note }
    }

    fn warning(reason: &'static str, action: &'static str, note: String) -> Self {
        Self { warning: true, reason, action, note }
    }
}

/// The most characters of an object's name (RFC 1123 subdomain).
const LONGEST_NAME: usize = 253;

/// The name of an Event of a route at a time: the API server takes any, as long as nobody else has it. Of a long route's name
/// the beginning stands in it.
pub fn name(route: &str, nanosecond: i128) -> String {
    let suffix = format!(".{nanosecond:x}");
    let room = LONGEST_NAME.saturating_sub(suffix.len());
    // A subdomain's parts end in a letter or digit; an object's name is ASCII.
    let beginning = route.get(..room).unwrap_or(route).trim_end_matches(['-', '.']);
    format!("{beginning}{suffix}")
}

/// After a step that succeeded. Steps in Kubernetes show by themselves.
pub fn done(step: &Step, applied: &Applied) -> Option<Notice> {
    let (reason, action) = match step {
        Step::AddPermission { .. } => ("PermissionGranted", "AddPermission"),
        Step::RemovePermission { .. } => ("PermissionRevoked", "RemovePermission"),
        Step::CreateFunctionUrlConfig { .. } => ("FunctionURLCreated", "CreateFunctionUrlConfig"),
        Step::UpdateFunctionUrlConfig { .. } => ("FunctionURLUpdated", "UpdateFunctionUrlConfig"),
        Step::DeleteFunctionUrlConfig { .. } => ("FunctionURLDeleted", "DeleteFunctionUrlConfig"),
        Step::AddFinalizer { .. }
        | Step::RecordTarget { .. }
        | Step::ReleaseTarget { .. }
        | Step::ForgetTarget { .. }
        | Step::CreateService { .. }
        | Step::ApplyService { .. }
        | Step::RestPort { .. }
        | Step::DeleteService { .. }
        | Step::RemoveFinalizer { .. } => return None,
    };
    Some(Notice::normal(reason, action, told(step, applied)))
}

/// One step, what came of it, and AWS's request id.
fn told(step: &Step, Applied { written, request_id }: &Applied) -> String {
    let note = match written {
        Written::StatementAdded(statement) => {
            format!("{step} (Sid {})", statement.sid.as_deref().unwrap_or_default())
        }
        Written::Url(url) => format!("{step}: {}", url.url),
        Written::StatementRemoved(_) | Written::UrlDeleted | Written::Nothing => step.to_string(),
    };
    match request_id {
        Some(id) => format!("{note} (request id {id})"),
        None => note,
    }
}

/// What somebody else had changed in AWS, and is changed back: one Event, whatever it took.
pub fn drift_corrected(target: &FunctionTarget, done: &[(Step, Applied)]) -> Option<Notice> {
    let about = format!("{target}: ");
    let done: Vec<String> = done
        .iter()
        .filter(|(step, _)| Drift::of(step).is_some())
        .map(|(step, applied)| told(step, applied))
        .map(|told| told.strip_prefix(&about).map(str::to_owned).unwrap_or(told))
        .collect();
    let note = format!("{target}: what somebody else had changed in AWS is changed back: {}", done.join("; "));
    (!done.is_empty()).then(|| Notice::normal("DriftCorrected", "Repair", note))
}

/// What was left in AWS for a target, by name, when a route went without taking it back.
pub fn left_behind(left: &Target, cluster: &ClusterId, forced: bool) -> Notice {
    let Target { function_arn, function_url, .. } = left;
    let url = function_url.as_deref().unwrap_or("if there is one");
    let sids =
        FunctionTarget::parse_arn(function_arn).map(|target| format!("{}*", Sid::prefix(cluster, &target.hash())));
    let note = format!(
        "left in AWS: of {function_arn} the function URL {url}, and the permission statements {}, unless other LambdaRoutes \
         need them",
        sids.as_deref().unwrap_or("of LambdaRoute")
    );
    if forced { Notice::warning("LeftBehind", "ForceDelete", note) } else { Notice::normal("Retained", "Delete", note) }
}

/// A URL config of ours that stays for another cluster.
pub fn in_use_elsewhere(arn: &str, clusters: &[String]) -> Notice {
    Notice::normal(
        Reason::InUseElsewhere.as_str(),
        "Release",
        format!("the function URL of {arn} stays: statements of other clusters are there ({})", clusters.join(", ")),
    )
}

/// Keys that can't be fetched again.
pub fn keys_not_refreshed(issuer: &Issuer, error: FetchError) -> Notice {
    let note =
        format!("the keys of {issuer} can't be fetched again ({error}): those that were had before are served on");
    Notice::warning("KeysNotRefreshed", "FetchKeys", note)
}

/// Keys that can be fetched again.
pub fn keys_refreshed(issuer: &Issuer) -> Notice {
    Notice::normal("KeysRefreshed", "FetchKeys", format!("the keys of {issuer} can be fetched again"))
}

/// The changes from the present status to the next one. `error` adds what doesn't belong in a status: AWS's words and the
/// request id.
pub fn changes(
    route: &LambdaRoute,
    next: &LambdaRouteStatus,
    failure: Option<&Failure>,
    identity_failure: Option<&AwsError>,
) -> Vec<Notice> {
    let mut notices: Vec<Notice> = adopted(route, next).collect();
    for type_ in ConditionType::ALL {
        let Some(condition) = next.conditions.iter().find(|condition| condition.type_ == type_.as_str()) else {
            continue;
        };
        let before = find(route, *type_);
        let turned = before.is_none_or(|before| before.status != condition.status || before.reason != condition.reason);
        if !turned {
            continue;
        }
        let Some(reason) = Reason::ALL.iter().find(|reason| reason.as_str() == condition.reason) else { continue };
        match (*type_, condition.status.as_str()) {
            (ConditionType::Programmed, "True") => {
                let url = next.url.as_deref().unwrap_or_default();
                notices.push(Notice::normal(
                    "Programmed",
                    "Program",
                    format!("{} is served at {url}", route.name_any()),
                ));
            }
            (ConditionType::Ready, "False") if *reason == Reason::DeletionBlocked => {
                notices.push(Notice::warning(reason.as_str(), "Delete", with_detail(&condition.message, failure)));
            }
            (ConditionType::Ready | ConditionType::Reconciling | ConditionType::Stalled, _) => {}
            // Told by the step that leaves it.
            (ConditionType::FunctionURLReady, "False") if *reason == Reason::InUseElsewhere => {}
            (ConditionType::FunctionURLReady | ConditionType::PermissionsReady, "False") => {
                let note = match identity_failure {
                    Some(error) => format!("{}: {error}", condition.message),
                    None => with_detail(&condition.message, failure),
                };
                notices.push(Notice::warning(reason.as_str(), "Reconcile", note));
            }
            (_, "False") => notices.push(Notice::warning(reason.as_str(), "Reconcile", condition.message.clone())),
            _ => {}
        }
    }
    notices
}

/// A URL config of somebody else's that is kept true from now on.
fn adopted<'a>(route: &'a LambdaRoute, next: &'a LambdaRouteStatus) -> impl Iterator<Item = Notice> + 'a {
    let is = |target: &Target| target.ownership == Some(Ownership::Adopted);
    next.targets.iter().filter(move |target| is(target)).filter_map(move |target| {
        let before = crate::intent::recorded(route).iter().find(|known| known.function_arn == target.function_arn);
        let note = format!(
            "the function URL of {}, which LambdaRoute didn't make, is kept true from now on; it is never deleted",
            target.function_arn
        );
        (!before.is_some_and(is)).then(|| Notice::normal("Adopted", "Adopt", note))
    })
}

fn with_detail(message: &str, failure: Option<&Failure>) -> String {
    match failure {
        Some(Failure { error, .. }) => format!("{message}: {error}"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
