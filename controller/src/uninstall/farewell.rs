//! The status of a route that nobody keeps any more. Pure. It is as a route's that no controller has seen yet, but that it says
//! why, and where something is left in AWS.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use lambdaroute_crds::condition::{ConditionType, Reason};
use lambdaroute_crds::{LambdaRoute, LambdaRouteStatus, Target};

use super::leftover::Leftover;
use crate::intent::recorded;
use crate::status::find;

/// What nobody has looked at: what the schema gives a new route.
const UNSEEN: i64 = -1;

/// What became of one entry of `status.targets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing of the route's is there any more.
    Clean,
    /// All of it is there, as the manifest says.
    Kept,
    /// Some of it is there.
    Left(Leftover),
}

/// The status, by what became of the targets, which are named by ARN.
pub(super) fn farewell(route: &LambdaRoute, ends: &BTreeMap<String, End>, now: Timestamp) -> LambdaRouteStatus {
    let before = route.status.clone().unwrap_or_default();
    let end = |entry: &Target| ends.get(&entry.function_arn);
    let kept = recorded(route).iter().any(|entry| end(entry) == Some(&End::Kept));
    let mut conditions: Vec<Condition> = if kept {
        before.conditions.into_iter().filter(|condition| goes_on(&condition.type_)).collect()
    } else {
        Vec::new()
    };
    conditions.push(ready(route, message(route, ends, kept), now));
    LambdaRouteStatus {
        observed_generation: Some(UNSEEN),
        // The Service stays.
        url: before.url,
        port: before.port,
        function: before.function,
        targets: before.targets.into_iter().filter_map(|entry| remembered(entry, ends)).collect(),
        auth: None,
        programmed_digest: before.programmed_digest.filter(|_| kept),
        last_handled_reconcile_at: before.last_handled_reconcile_at,
        conditions,
    }
}

/// What is kept in AWS is as it was last seen; that proxies serve it isn't so any more.
fn goes_on(type_: &str) -> bool {
    use ConditionType::{Accepted, FunctionURLReady, PermissionsReady, ResolvedRefs};
    [Accepted, ResolvedRefs, FunctionURLReady, PermissionsReady].iter().any(|known| known.as_str() == type_)
}

/// What a later install is to know: of what is left, where to look and whose it was; nothing of what was seen there.
fn remembered(entry: Target, ends: &BTreeMap<String, End>) -> Option<Target> {
    match ends.get(&entry.function_arn) {
        Some(End::Clean) => None,
        Some(End::Kept) | None => Some(entry),
        Some(End::Left(_)) => Some(Target { function_url: None, settings_digest: None, last_sync_time: None, ..entry }),
    }
}

fn message(route: &LambdaRoute, ends: &BTreeMap<String, End>, kept: bool) -> String {
    let left: Vec<String> = recorded(route)
        .iter()
        .filter_map(|entry| match ends.get(&entry.function_arn)? {
            End::Left(left) => Some(left.named()),
            End::Clean | End::Kept => None,
        })
        .collect();
    let rest = if !left.is_empty() {
        format!("; left in AWS: {}", left.join("; "))
    } else if kept {
        "; what it has in AWS stays, as the manifest says".to_owned()
    } else if recorded(route).is_empty() {
        String::new()
    } else {
        "; what it had in AWS is taken back".to_owned()
    };
    format!("LambdaRoute was uninstalled: nothing serves this route until it is installed again{rest}")
}

fn ready(route: &LambdaRoute, message: String, now: Timestamp) -> Condition {
    const STATE: &str = "Unknown";
    let since = find(route, ConditionType::Ready)
        .filter(|before| before.status == STATE)
        .map_or(Time(now), |before| before.last_transition_time.clone());
    Condition {
        type_: ConditionType::Ready.as_str().to_owned(),
        status: STATE.to_owned(),
        reason: Reason::Pending.as_str().to_owned(),
        message,
        // Of no generation: a later controller's first look isn't to take it for its own word.
        observed_generation: None,
        last_transition_time: since,
    }
}

#[cfg(test)]
mod tests;
