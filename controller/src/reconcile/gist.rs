//! What of a route its targets depend on. Values only.

use kube::ResourceExt;
use lambdaroute_crds::{LambdaRoute, TargetState};

use crate::intent::{deleting, force_deleted, recorded};

/// What of a route a target's plan may depend on: a new status alone must not hurry a target that waits after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gist {
    uid: Option<String>,
    generation: Option<i64>,
    deleting: bool,
    forced: bool,
    finalizers: Vec<String>,
    targets: Vec<(String, TargetState)>,
}

impl Gist {
    pub(super) fn of(route: &LambdaRoute) -> Self {
        Self {
            uid: route.uid(),
            generation: route.metadata.generation,
            deleting: deleting(route),
            forced: force_deleted(route),
            finalizers: route.finalizers().to_vec(),
            targets: recorded(route).iter().map(|target| (target.function_arn.clone(), target.state)).collect(),
        }
    }
}
