//! Lets one route go: its status says so, and our finalizer comes off. The object itself is its user's; it and its Service stay.
//! One that is being deleted goes then, and its Service with it, by the garbage collector.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use lambdaroute_crds::{FINALIZER, LambdaRoute};
use serde_json::{Value, json};

use super::farewell::{End, farewell};
use super::fate::is_held;
use crate::intent::key;
use crate::kubernetes::STATUS_MANAGER;
use crate::service::MANAGER;
use crate::{status, watch};

/// A route that changes meanwhile, or whose write fails, is tried so often.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(250);
/// How long one try may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Lets a route go; `ends` says what became of its targets.
///
/// # Errors
/// Why the finalizer may still be on it.
pub(super) async fn let_go(client: &Client, route: &LambdaRoute, ends: &BTreeMap<String, End>) -> Result<(), String> {
    let mut route = route.clone();
    let mut why = String::new();
    for tried in 1..=TRIES {
        why = match tokio::time::timeout(LONGEST, once(client, &route, ends)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the API server gives no answer".to_owned(),
        };
        tracing::warn!(route = %key(&route), why, tried, "a route couldn't be let go");
        tokio::time::sleep(PAUSE * tried).await;
        match tokio::time::timeout(LONGEST, api(client, &route).get_opt(&route.name_any())).await {
            Ok(Ok(Some(fresh))) if fresh.uid() == route.uid() => route = watch::readable(fresh),
            // It went, or is another one now, which nobody of us has touched.
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Err(why)
}

/// Untyped: what the API server answers is never to be read as a manifest of this very version.
fn api(client: &Client, route: &LambdaRoute) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<LambdaRoute>(&());
    Api::namespaced_with(client.clone(), &route.namespace().unwrap_or_default(), &kind)
}

async fn once(client: &Client, route: &LambdaRoute, ends: &BTreeMap<String, End>) -> Result<(), kube::Error> {
    let (api, name) = (api(client, route), route.name_any());
    let next = farewell(route, ends, Timestamp::now());
    let mut version = route.resource_version();
    if route.status.as_ref() != Some(&next) {
        let written = api.patch_status(&name, &by(STATUS_MANAGER), &Patch::Merge(status::patch(route, &next))).await?;
        version = written.resource_version();
    }
    if is_held(route) {
        api.patch(&name, &by(MANAGER), &Patch::Merge(without_finalizer(route, version))).await?;
    }
    Ok(())
}

fn without_finalizer(route: &LambdaRoute, version: Option<String>) -> Value {
    let finalizers: Vec<&String> = route.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    json!({"metadata": {"uid": route.uid(), "resourceVersion": version, "finalizers": finalizers}})
}

fn by(manager: &str) -> PatchParams {
    PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() }
}
