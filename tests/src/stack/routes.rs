//! Routes, Services and endpoints of a stack, as a user sees them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use lambdaroute_crds::LambdaRoute;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::Stack;

impl Stack {
    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client(), &self.namespace)
    }

    /// Applies a route with this `spec` (YAML).
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn route(&self, name: &str, spec: &str) -> anyhow::Result<()> {
        let spec: Value = serde_yaml_ng::from_str(spec).with_context(|| format!("read {spec}"))?;
        let route = json!({
            "apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaRoute",
            "metadata": {"name": name, "namespace": self.namespace}, "spec": spec,
        });
        self.cluster.apply(&route, None).await?;
        Ok(())
    }

    /// A route.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn get(&self, name: &str) -> anyhow::Result<LambdaRoute> {
        Ok(self.api::<LambdaRoute>().get(name).await?)
    }

    /// Waits until a condition of the present generation says this.
    ///
    /// # Errors
    /// When it doesn't in time; the error shows all conditions.
    pub async fn until(&self, route: &str, type_: &str, status: &str, reason: &str) -> anyhow::Result<Condition> {
        self.eventually(&format!("{type_}={status} ({reason}) of {route}"), async || {
            let route = self.get(route).await?;
            let generation = route.metadata.generation;
            let conditions = route.status.unwrap_or_default().conditions;
            let found = conditions.iter().find(|it| {
                it.type_ == type_ && it.status == status && it.reason == reason && it.observed_generation >= generation
            });
            match found {
                Some(condition) => Ok(Some(condition.clone())),
                None => anyhow::bail!("its conditions are {}", shown(&conditions)),
            }
        })
        .await
    }

    /// Waits until a route is Ready and gives it.
    ///
    /// # Errors
    /// When it isn't in time; the error shows all conditions.
    pub async fn ready(&self, name: &str) -> anyhow::Result<LambdaRoute> {
        self.until(name, "Ready", "True", "Ready").await?;
        self.get(name).await
    }

    /// Deletes a route and waits until it is gone.
    ///
    /// # Errors
    /// When it isn't gone in time; the error shows its conditions.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        let api = self.api::<LambdaRoute>();
        api.delete(name, &DeleteParams::default()).await?;
        self.eventually(&format!("the end of {name}"), async || match api.get_opt(name).await? {
            None => Ok(Some(())),
            Some(route) => anyhow::bail!("its conditions are {}", shown(&route.status.unwrap_or_default().conditions)),
        })
        .await
    }

    /// The routes of the stack's namespace.
    pub fn routes(&self) -> Api<LambdaRoute> {
        self.api()
    }

    /// Gives a route an annotation.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn annotate(&self, name: &str, annotation: &str, value: &str) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {annotation: value}}}));
        self.routes().patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Writes a status as only the controller may.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn patch_status(&self, name: &str, status: &Value) -> anyhow::Result<()> {
        let patch = Patch::Merge(status);
        self.api::<LambdaRoute>().patch_status(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits for an Event about a route.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn event(&self, route: &str, reason: &str) -> anyhow::Result<Event> {
        let api = self.api::<Event>();
        self.eventually(&format!("an Event {reason} about {route}"), async || {
            let events = api.list(&ListParams::default()).await?;
            Ok(events.into_iter().find(|event| {
                event.reason.as_deref() == Some(reason)
                    && event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(route)
            }))
        })
        .await
    }

    /// A Service of the routes' namespace.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn service(&self, name: &str) -> anyhow::Result<Option<Service>> {
        Ok(self.api::<Service>().get_opt(name).await?)
    }

    /// Deletes a Service.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_service(&self, name: &str) -> anyhow::Result<()> {
        self.api::<Service>().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// A Service that somebody else made.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn foreign_service(&self, name: &str) -> anyhow::Result<Service> {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": "theirs"}, "ports": [{"port": 80}]},
        });
        Ok(self.api::<Service>().create(&PostParams::default(), &serde_json::from_value(service)?).await?)
    }

    /// The port of a route on its proxies, from the Service's targetPort.
    ///
    /// # Errors
    /// When there is none yet.
    pub async fn port(&self, route: &str) -> anyhow::Result<u16> {
        use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
        let name = self.service_name(route).await?;
        let ports = self.api::<Service>().get(&name).await?.spec.and_then(|spec| spec.ports).unwrap_or_default();
        match ports.first().and_then(|port| port.target_port.clone()) {
            Some(IntOrString::Int(port)) => Ok(u16::try_from(port)?),
            other => anyhow::bail!("the targetPort is {other:?}"),
        }
    }

    async fn service_name(&self, route: &str) -> anyhow::Result<String> {
        let spec = self.get(route).await?.spec;
        Ok(spec.service.and_then(|service| service.name).unwrap_or_else(|| route.to_owned()))
    }

    async fn slices(&self, route: &str) -> anyhow::Result<Vec<EndpointSlice>> {
        let service = self.service_name(route).await?;
        let of_service = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        Ok(self.api::<EndpointSlice>().list(&of_service).await?.items)
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

fn shown(conditions: &[Condition]) -> String {
    conditions.iter().map(|it| format!("\n  {}={} ({}): {}", it.type_, it.status, it.reason, it.message)).collect()
}
