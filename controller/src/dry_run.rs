//! `--dry-run`: every write that would be made for the routes of the cluster, one a line. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use kube::Client;

use crate::aws::Aws;
use crate::intent::{deleting, key, on_target};
use crate::observation::FunctionState;
use crate::observe::observe;
use crate::plan::{Intent, RouteOnTarget, Settings, plan};
use crate::plan_route::{RouteFacts, plan_route};
use crate::priority::Priority;
use crate::reconcile::ReconcileArgs;
use crate::snapshot::{Known, Snapshot, targets};
use crate::step::Step;

/// The lines.
///
/// # Errors
/// Kubernetes or AWS can't be read.
pub async fn dry_run(
    client: Client,
    aws: &Aws,
    settings: &Settings,
    args: &ReconcileArgs,
    namespace: &str,
) -> anyhow::Result<Vec<String>> {
    let identity = aws.caller_identity().await.context("the controller's AWS account can't be asked for")?;
    let known = Snapshot::read(&client, args, namespace).await?.judged(Some(identity.defaults), args);
    let mut lines = Vec::new();
    for route in known.iter().filter(|route| !deleting(&route.route)) {
        if let Some(refused) = &route.assessment.refused {
            lines.push(format!("{}: not carried out: {}: {}", key(&route.route), refused.reason, refused.message));
        }
        lines.extend(own_steps(route, &BTreeSet::new()));
    }
    let mut released: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for target in targets(&known) {
        let concerned: Vec<RouteOnTarget> = known
            .iter()
            .filter_map(|known| on_target(&known.route, &target, &known.assessment, known.claim, known.served.as_ref()))
            .collect();
        if concerned.is_empty() {
            continue;
        }
        let observed = match observe(&aws.lambda(&target, Priority::Change), &target).await {
            Ok(observed) => observed,
            Err((_, error)) => {
                lines.push(format!("{target}: can't be looked at: {error}"));
                continue;
            }
        };
        match observed.function {
            FunctionState::Exists => {}
            FunctionState::NotFound => lines.push(format!("{target}: no such function: nothing to write")),
            FunctionState::QualifierNotFound => lines.push(format!("{target}: no such alias: nothing to write")),
        }
        let planned = plan(&target, &concerned, &observed, settings);
        lines.extend(planned.conflicted.iter().map(|route| format!("{route}: not carried out: Conflicted")));
        lines.extend(planned.steps.iter().map(ToString::to_string));
        for route in concerned.iter().filter(|route| route.intent == Intent::Releases) {
            released.entry(route.route.uid.clone()).or_default().insert(target.arn());
        }
    }
    for route in known.iter().filter(|route| deleting(&route.route)) {
        let released = released.remove(&key(&route.route).uid).unwrap_or_default();
        lines.extend(own_steps(route, &released));
    }
    Ok(lines)
}

fn own_steps(known: &Known, released: &BTreeSet<String>) -> Vec<String> {
    let steps = plan_route(&RouteFacts {
        route: &known.route,
        assessment: &known.assessment,
        service: known.live.as_ref(),
        port: known.port,
        programmed: known.served.as_ref(),
        served: known.served.as_ref(),
        released,
        arrived: false,
    });
    steps.iter().map(Step::to_string).collect()
}
