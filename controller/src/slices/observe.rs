//! Follows our own EndpointSlices, in all namespaces: filtered by the server, so that those of others cost nothing.

use std::sync::Arc;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use tracing::warn;

use super::{MANAGED_BY, key_of};
use crate::readiness::Requirement;
use crate::table::{Event, RouteTable};

/// Brings every change of our slices to the table; never ends.
pub async fn follow(api: Api<EndpointSlice>, table: &RouteTable, ready: &Requirement) {
    let config = watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let stream = watcher(api, config).default_backoff();
    pin_mut!(stream);
    let mut listed = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(slice)) => listed.push(lean(slice)),
            Ok(watcher::Event::InitDone) => {
                table.apply(Event::SlicesListed(std::mem::take(&mut listed)));
                ready.met();
            }
            Ok(watcher::Event::Apply(slice)) => table.apply(Event::Slice(lean(slice))),
            Ok(watcher::Event::Delete(slice)) => {
                table.apply(Event::SliceGone(key_of(&slice), slice.metadata.uid));
            }
            Err(error) => {
                ready.still_unmet(&format!("can't be listed: {error}"));
                warn!(error = %error, "watching the endpoint slices failed, trying on");
            }
        }
    }
}

/// Without what nobody here reads: it is most of the object.
pub(super) fn lean(mut slice: EndpointSlice) -> Arc<EndpointSlice> {
    slice.metadata.managed_fields = None;
    Arc::new(slice)
}
