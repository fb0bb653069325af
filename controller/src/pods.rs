//! Follows the proxies' Pods: the one source of addresses.

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt, watcher};
use tracing::warn;

use crate::readiness::Requirement;
use crate::table::{Event, PodFacts, ProxyId, RouteTable};

/// Brings every change of the selected Pods to the table; never ends. The server filters.
pub async fn follow(api: Api<Pod>, selector: &str, table: &RouteTable, ready: &Requirement) {
    let config = watcher::Config::default().labels(selector);
    let stream = watcher(api, config).default_backoff();
    pin_mut!(stream);
    let mut listed = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(pod)) => listed.extend(PodFacts::of(&pod)),
            Ok(watcher::Event::InitDone) => {
                table.apply(Event::PodsListed(std::mem::take(&mut listed)));
                ready.met();
            }
            Ok(watcher::Event::Apply(pod)) => match PodFacts::of(&pod) {
                Some(facts) => table.apply(Event::Pod(facts)),
                None => gone(&pod, table),
            },
            Ok(watcher::Event::Delete(pod)) => gone(&pod, table),
            Err(error) => {
                ready.still_unmet(&format!("can't be listed: {error}"));
                warn!(error = %error, "watching the proxies' pods failed, trying on");
            }
        }
    }
}

fn gone(pod: &Pod, table: &RouteTable) {
    if let Some(uid) = &pod.metadata.uid {
        table.apply(Event::PodGone(ProxyId(uid.clone())));
    }
}
