//! Looks at the served CRDs again and again; what a difference is, `crd` says.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use tracing::warn;

use super::first_difference;
use crate::readiness::Requirement;

/// How often to look while it isn't right, and while it is.
const INTERVALS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Compares the served CRDs with the built-in ones, again and again; never ends.
pub async fn watch(api: Api<CustomResourceDefinition>, built_in: &[CustomResourceDefinition], ready: &Requirement) {
    loop {
        match look(&api, built_in).await {
            None => ready.met(),
            Some(why) => {
                if ready.unmet(&why) {
                    warn!(reason = %why, "not ready");
                }
            }
        }
        tokio::time::sleep(if ready.is_met() { INTERVALS.1 } else { INTERVALS.0 }).await;
    }
}

/// Why one of them isn't right.
async fn look(api: &Api<CustomResourceDefinition>, built_in: &[CustomResourceDefinition]) -> Option<String> {
    for built_in in built_in {
        let name = built_in.metadata.name.as_deref().unwrap_or_default();
        let why = match api.get_opt(name).await {
            Ok(Some(served)) => difference(built_in, &served).map(|why| format!("{name}: {why}")),
            Ok(None) => Some(format!("the cluster has no CRD {name}: install the chart's CRDs")),
            Err(error) => Some(format!("the CRD {name} can't be read: {error}")),
        };
        if why.is_some() {
            return why;
        }
    }
    None
}

fn difference(built_in: &CustomResourceDefinition, served: &CustomResourceDefinition) -> Option<String> {
    let (Ok(built_in), Ok(served)) = (serde_json::to_value(built_in), serde_json::to_value(served)) else {
        return Some("the CRD can't be compared".to_owned());
    };
    first_difference(&built_in, &served)
}
