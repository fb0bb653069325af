//! Writes EndpointSlices: what is to be written is the table's to say, at the moment of writing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::observe::lean;
use super::{FIELD_MANAGER, MANAGED_BY};
use crate::kubernetes::namespace_goes;
use crate::leadership::Leadership;
use crate::metrics::{Metrics, SliceOutcome};
use crate::table::{Event, RouteTable, SliceKey, SliceWrite};

/// How many slices are written at once.
const AT_ONCE: usize = 32;
/// How long one write may take.
const LONGEST: Duration = Duration::from_secs(10);
/// How long a slice whose write failed rests, at least and at most, whatever happens meanwhile.
const REST: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// How long one rests whose namespace goes: a namespace of that name may be made anew.
const GOES: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("another object has this name and isn't ours: remove it")]
    NameTaken,
    #[error("the namespace is being deleted")]
    NamespaceGoes,
    #[error("no answer in time")]
    Timeout,
    #[error("{0}")]
    Api(kube::Error),
}

/// Writes slices as long as this replica leads; never ends.
pub async fn run(client: Client, table: &RouteTable, leadership: &Leadership, metrics: &Metrics) {
    let mut writes: JoinSet<(SliceKey, Result<(), Error>)> = JoinSet::new();
    let mut busy = BTreeSet::new();
    let mut failures: BTreeMap<SliceKey, u32> = BTreeMap::new();
    // Until when each rests: what changes meanwhile has it looked at then, and not before.
    let mut resting: BTreeMap<SliceKey, Instant> = BTreeMap::new();
    let mut warned: Option<Instant> = None;
    loop {
        tokio::select! {
            key = table.next_slice(), if writes.len() < AT_ONCE => {
                match resting.get(&key) {
                    Some(until) if Instant::now() < *until => {
                        table.check_slice(key, *until);
                        continue;
                    }
                    _ => drop(resting.remove(&key)),
                }
                let Some(budget) = leadership.budget(LONGEST).filter(|_| !busy.contains(&key)) else {
                    table.check_slice(key, Instant::now() + REST.0);
                    continue;
                };
                let Some(write) = table.slice_write(&key) else {
                    failures.remove(&key);
                    continue;
                };
                busy.insert(key.clone());
                let (client, table) = (client.clone(), table.clone());
                writes.spawn(async move {
                    let written = tokio::time::timeout(budget, carry_out(&client, &table, &key, write)).await;
                    (key, written.unwrap_or(Err(Error::Timeout)))
                });
            }
            Some(done) = writes.join_next() => {
                let Ok((key, result)) = done else { continue };
                busy.remove(&key);
                if !matches!(result, Err(Error::NamespaceGoes)) {
                    metrics.slice_written(if result.is_ok() { SliceOutcome::Written } else { SliceOutcome::Failed });
                }
                match result {
                    Ok(()) => drop(failures.remove(&key)),
                    // Nobody can make one there any more, and nobody misses it.
                    Err(Error::NamespaceGoes) => {
                        failures.remove(&key);
                        resting.insert(key.clone(), Instant::now() + GOES);
                        debug!(namespace = %key.namespace, slice = %key.name, "no endpoint slice where the namespace goes");
                    }
                    Err(error) => {
                        let count = failures.entry(key.clone()).or_insert(0);
                        *count = count.saturating_add(1);
                        let rest = REST.0.saturating_mul(1 << (*count).min(10)).min(REST.1);
                        // An API server that is away fails them all: one line a second tells that.
                        if warned.is_none_or(|at| at.elapsed() >= Duration::from_secs(1)) {
                            warned = Some(Instant::now());
                            let failing = failures.len();
                            warn!(
                                namespace = %key.namespace, slice = %key.name, error = %error, failing,
                                "can't write the endpoint slice"
                            );
                        }
                        let until = Instant::now() + rest;
                        resting.insert(key.clone(), until);
                        table.check_slice(key.clone(), until);
                    }
                }
                table.apply(Event::SliceWritten(key));
            }
        }
    }
}

async fn carry_out(client: &Client, table: &RouteTable, key: &SliceKey, write: SliceWrite) -> Result<(), Error> {
    let api: Api<EndpointSlice> = Api::namespaced(client.clone(), &key.namespace);
    let written = match write {
        SliceWrite::Create(slice) => {
            let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
            api.create(&params, &slice).await.map(Some)
        }
        SliceWrite::Apply(slice) => {
            let params = PatchParams::apply(FIELD_MANAGER).force();
            api.patch(&key.name, &params, &Patch::Apply(&slice)).await.map(Some)
        }
        SliceWrite::Delete { uid, resource_version } => {
            let params = DeleteParams::default().preconditions(Preconditions { uid, resource_version });
            api.delete(&key.name, &params).await.map(|_| None)
        }
    };
    match written {
        Ok(Some(slice)) => {
            debug!(namespace = %key.namespace, slice = %key.name, endpoints = slice.endpoints.len(), "endpoint slice written");
            table.apply(Event::Slice(lean(slice)));
            Ok(())
        }
        Ok(None) => {
            table.apply(Event::SliceGone(key.clone(), None));
            Ok(())
        }
        // It isn't what was observed: look again, then decide again. (Another uid is "invalid" to the API server.)
        Err(kube::Error::Api(status))
            if status.is_conflict() || status.is_already_exists() || status.is_not_found() || status.is_invalid() =>
        {
            look(&api, table, key).await?;
            // A POST answered with "not found" means that the namespace is going; what is invalid stays so: rest.
            let rests = status.is_not_found() || status.is_invalid();
            if rests { Err(Error::Api(kube::Error::Api(status))) } else { Ok(()) }
        }
        Err(error) if namespace_goes(&error) => Err(Error::NamespaceGoes),
        Err(error) => Err(Error::Api(error)),
    }
}

async fn look(api: &Api<EndpointSlice>, table: &RouteTable, key: &SliceKey) -> Result<(), Error> {
    match api.get_opt(&key.name).await.map_err(Error::Api)? {
        Some(slice) if is_ours(&slice) => table.apply(Event::Slice(lean(slice))),
        Some(_) => return Err(Error::NameTaken),
        None => table.apply(Event::SliceGone(key.clone(), None)),
    }
    Ok(())
}

fn is_ours(slice: &EndpointSlice) -> bool {
    let label = slice.metadata.labels.as_ref().and_then(|labels| labels.get(MANAGED_BY.0));
    label.is_some_and(|label| label == MANAGED_BY.1)
}
