//! Lets one route go: its status says so, and our finalizer comes off. The object itself is its user's; it and its Service stay.
//! One that is being deleted goes then, and its Service with it, by the garbage collector.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use lambdaroute_crds::LambdaRoute;

use super::farewell::{End, farewell};
use super::fate::is_held;
use super::pauses::Pauses;
use crate::intent::key;
use crate::kubernetes::{KubeError, Kubernetes};

/// A route that changes meanwhile, or whose write fails, is tried for so long.
const WITHIN: Duration = Duration::from_secs(15);
/// How long one try may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Lets a route go; `ends` says what became of its targets.
///
/// # Errors
/// Why the finalizer may still be on it.
pub(super) async fn let_go(
    kubernetes: &Kubernetes,
    route: &LambdaRoute,
    ends: &BTreeMap<String, End>,
) -> Result<(), String> {
    let mut route = route.clone();
    let mut pauses = Pauses::within(WITHIN);
    loop {
        let why = match tokio::time::timeout(LONGEST, once(kubernetes, &route, ends)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the API server gives no answer".to_owned(),
        };
        tracing::warn!(route = %key(&route), why, "a route couldn't be let go");
        if !pauses.again().await {
            return Err(why);
        }
        match tokio::time::timeout(LONGEST, kubernetes.fresh(&route)).await {
            Ok(Ok(Some(fresh))) => route = fresh,
            // It went, or is another one now, which nobody of us has touched.
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

async fn once(kubernetes: &Kubernetes, route: &LambdaRoute, ends: &BTreeMap<String, End>) -> Result<(), KubeError> {
    let next = farewell(route, ends, Timestamp::now());
    let mut route = route.clone();
    if route.status.as_ref() != Some(&next) {
        route = kubernetes.set_status(&route, &next).await?;
    }
    if is_held(&route) {
        kubernetes.remove_finalizer(&route).await?;
    }
    Ok(())
}
