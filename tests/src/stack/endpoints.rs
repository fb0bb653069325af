//! The endpoints of a stack's routes, and the addresses that they have here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use futures::TryStreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt, watcher};
use tokio_util::task::AbortOnDropHandle;

use super::Stack;

impl Stack {
    /// The names of the Pods in the EndpointSlices of a Service, whether there is such a Service or not.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn endpoints_of(&self, service: &str) -> anyhow::Result<Vec<String>> {
        Ok(self.slices_of(service).await?.iter().flat_map(pods).collect())
    }

    async fn slices_of(&self, service: &str) -> anyhow::Result<Vec<EndpointSlice>> {
        let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        Ok(self.api::<EndpointSlice>().list(&of_service).await?.items)
    }

    async fn slices(&self, route: &str) -> anyhow::Result<Vec<EndpointSlice>> {
        self.slices_of(&self.service_name(route).await?).await
    }

    /// The names of the Pods in a route's EndpointSlices, sorted.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn endpoints(&self, route: &str) -> anyhow::Result<Vec<String>> {
        let mut pods: Vec<_> = self.slices(route).await?.iter().flat_map(pods).collect();
        pods.sort();
        Ok(pods)
    }

    /// The URL of a route at the first of its endpoints.
    ///
    /// # Errors
    /// When it has none in time.
    pub async fn url(&self, route: &str) -> anyhow::Result<String> {
        let addresses = self
            .eventually(&format!("an endpoint of {route}"), async || {
                let slices = self.slices(route).await?;
                let found: Vec<_> = slices.iter().flat_map(|slice| &slice.endpoints).collect();
                let addresses: Vec<_> = found.iter().flat_map(|endpoint| endpoint.addresses.clone()).collect();
                Ok((!addresses.is_empty()).then_some(addresses))
            })
            .await?;
        let first = addresses.first().context("an endpoint has an address")?;
        // The Pod's address means something in the cluster only; the process behind it has its twin on loopback.
        Ok(format!("http://127.{}:{}", first.trim_start_matches("10."), self.port(route).await?))
    }

    /// The URL of a route at one proxy, whether it is in the slices or not.
    ///
    /// # Errors
    /// When the route has no port yet.
    pub async fn url_at(&self, route: &str, proxy: usize) -> anyhow::Result<String> {
        let (a, b) = self.network;
        let host = self.pod(proxy).trim_start_matches("proxy-").to_owned();
        Ok(format!("http://127.{a}.{b}.{host}:{}", self.port(route).await?))
    }

    /// Watches how many endpoints a route has.
    ///
    /// # Errors
    /// When it has none now.
    pub async fn watch_endpoints(&self, route: &str) -> anyhow::Result<EndpointWatch> {
        let service = self.service_name(route).await?;
        let fewest = Arc::new(AtomicUsize::new(self.endpoints(route).await?.len()));
        let of_service = watcher::Config::default().labels(&format!("kubernetes.io/service-name={service}"));
        let stream = watcher(self.api::<EndpointSlice>(), of_service).default_backoff().touched_objects();
        let task = tokio::spawn({
            let fewest = fewest.clone();
            async move {
                let mut stream = std::pin::pin!(stream);
                while let Ok(Some(slice)) = stream.try_next().await {
                    if slice.address_type == "IPv4" {
                        fewest.fetch_min(pods(&slice).count(), Ordering::SeqCst);
                    }
                }
            }
        });
        Ok(EndpointWatch { fewest, _task: AbortOnDropHandle::new(task) })
    }
}

/// How many endpoints a route had at the least, since the watch began.
pub struct EndpointWatch {
    fewest: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl EndpointWatch {
    /// The fewest so far.
    pub fn fewest(&self) -> usize {
        self.fewest.load(Ordering::SeqCst)
    }
}

fn pods(slice: &EndpointSlice) -> impl Iterator<Item = String> + '_ {
    slice.endpoints.iter().filter_map(|endpoint| endpoint.target_ref.as_ref()?.name.clone())
}
