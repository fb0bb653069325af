//! Routes and Services of a stack, as a user sees them.

use anyhow::Context;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use lambdaroute_crds::LambdaRoute;
use serde_json::{Value, json};

use super::Stack;

impl Stack {
    pub(super) fn api<K>(&self) -> Api<K>
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

    /// A route, if there is one of that name.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn find(&self, name: &str) -> anyhow::Result<Option<LambdaRoute>> {
        Ok(self.api::<LambdaRoute>().get_opt(name).await?)
    }

    /// Waits until a route has one target, in use, and nothing is being taken back any more.
    ///
    /// # Errors
    /// When it doesn't come to that in time.
    pub async fn settled(&self, name: &str) -> anyhow::Result<()> {
        self.eventually(&format!("the one target of {name}"), async || {
            let targets = self.get(name).await?.status.unwrap_or_default().targets;
            let settled = targets.len() == 1 && targets.iter().all(|it| it.function_url.is_some());
            Ok(settled.then_some(()))
        })
        .await
    }

    /// Deletes a route and waits until it is gone.
    ///
    /// # Errors
    /// When it isn't gone in time; the error shows its conditions.
    pub async fn delete(&self, name: &str) -> anyhow::Result<()> {
        self.begin_delete(name).await?;
        self.gone(name).await
    }

    /// Deletes a route. Doesn't wait.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn begin_delete(&self, name: &str) -> anyhow::Result<()> {
        self.api::<LambdaRoute>().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until a route is gone.
    ///
    /// # Errors
    /// When it isn't gone in time; the error shows its conditions.
    pub async fn gone(&self, name: &str) -> anyhow::Result<()> {
        let api = self.api::<LambdaRoute>();
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

    pub(super) async fn service_name(&self, route: &str) -> anyhow::Result<String> {
        let spec = self.get(route).await?.spec;
        Ok(spec.service.and_then(|service| service.name).unwrap_or_else(|| route.to_owned()))
    }
}

fn shown(conditions: &[Condition]) -> String {
    conditions.iter().map(|it| format!("\n  {}={} ({}): {}", it.type_, it.status, it.reason, it.message)).collect()
}
