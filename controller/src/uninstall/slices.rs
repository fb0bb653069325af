//! Empties all EndpointSlices of routes: callers' connections are refused from then on, before anything goes in AWS.

use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};

use super::pauses::{Pauses, tried};
use crate::slices::{FIELD_MANAGER, MANAGED_BY, fenced, with_only};

/// How many slices are written at once.
const AT_ONCE: usize = 32;
/// One that changes meanwhile, or whose write fails, is tried for so long.
const WITHIN: Duration = Duration::from_secs(6);

/// How many had endpoints and have none any more, and the names of those that couldn't be emptied.
pub(super) struct Emptied {
    pub(super) emptied: usize,
    pub(super) failed: Vec<String>,
}

/// Empties them in all namespaces, or in the one that is watched.
///
/// # Errors
/// They can't be listed.
pub(super) async fn empty(client: &Client, namespace: Option<&str>) -> Result<Emptied, kube::Error> {
    let api: Api<EndpointSlice> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let ours = ListParams::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let listed = tried("list the EndpointSlices", async || api.list(&ours).await).await?;
    let filled = listed.items.into_iter().filter(|slice| !slice.endpoints.is_empty());
    let outcomes: Vec<Option<String>> =
        futures::stream::iter(filled.map(|slice| empty_one(client, slice))).buffer_unordered(AT_ONCE).collect().await;
    let all = outcomes.len();
    let failed: Vec<String> = outcomes.into_iter().flatten().collect();
    Ok(Emptied { emptied: all - failed.len(), failed })
}

/// The name of one that can't be emptied.
async fn empty_one(client: &Client, mut slice: EndpointSlice) -> Option<String> {
    let (namespace, name) = (slice.namespace().unwrap_or_default(), slice.name_any());
    let api: Api<EndpointSlice> = Api::namespaced(client.clone(), &namespace);
    let mut pauses = Pauses::within(WITHIN);
    loop {
        let emptied = fenced(with_only(&slice, |_| false), &slice);
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let Err(error) = api.patch(&name, &params, &Patch::Apply(&emptied)).await else { return None };
        tracing::warn!(%namespace, slice = name, %error, "an EndpointSlice couldn't be emptied");
        if !pauses.again().await {
            return Some(format!("{namespace}/{name}"));
        }
        match api.get_opt(&name).await {
            Ok(Some(fresh)) => slice = fresh,
            Ok(None) => return None,
            Err(_) => {}
        }
    }
}
