//! LambdaRoutes as users write them, and waiting for what becomes of them.

use std::time::Duration;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Service;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use lambdaroute_crds::LambdaRoute;
use lambdaroute_tests::wait::within;

/// Makes a route, as `kubectl create` does.
pub(crate) async fn create(client: &Client, namespace: &str, name: &str, function: &str) -> anyhow::Result<()> {
    let manifest = format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: {name}}}
spec:
  function: {{name: {function}}}
"
    );
    let route: LambdaRoute = serde_yaml_ng::from_str(&manifest)?;
    let routes: Api<LambdaRoute> = Api::namespaced(client.clone(), namespace);
    routes
        .create(&PostParams::default(), &route)
        .await
        .with_context(|| format!("create the route {namespace}/{name}"))?;
    Ok(())
}

/// Waits until `count` routes of a namespace are Ready.
pub(crate) async fn ready(client: &Client, namespace: &str, count: usize, limit: Duration) -> anyhow::Result<()> {
    let routes: Api<LambdaRoute> = Api::namespaced(client.clone(), namespace);
    let mut waiting = String::new();
    let all = within(limit, "all routes to be Ready", async || {
        let list = routes.list(&ListParams::default()).await?;
        let open: Vec<&LambdaRoute> = list.items.iter().filter(|route| !is_ready(route)).collect();
        waiting = open.first().map(|route| format!("{}: {:?}", route.name_any(), route.status)).unwrap_or_default();
        Ok((open.is_empty() && list.items.len() == count).then_some(()))
    })
    .await;
    all.with_context(|| format!("in {namespace}, for example {waiting}"))
}

fn is_ready(route: &LambdaRoute) -> bool {
    let conditions = route.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions.iter().any(|condition| {
        condition.type_ == "Ready"
            && condition.status == "True"
            && condition.observed_generation == route.metadata.generation
    })
}

/// No route of a namespace is held by our finalizer, or says that it works.
pub(crate) async fn are_let_go(client: &Client, namespace: &str) -> anyhow::Result<()> {
    let routes: Api<LambdaRoute> = Api::namespaced(client.clone(), namespace);
    for route in routes.list(&ListParams::default()).await?.items {
        let (name, held) = (route.name_any(), !route.finalizers().is_empty());
        ensure!(!held && !is_ready(&route), "{namespace}/{name} isn't let go: {:?}", route.status);
    }
    Ok(())
}

/// Deletes all routes of a namespace, and waits until they and their Services are gone.
pub(crate) async fn delete(client: &Client, namespace: &str, limit: Duration) -> anyhow::Result<()> {
    let routes: Api<LambdaRoute> = Api::namespaced(client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    routes.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    within(limit, "routes and Services to go", async || {
        let left = routes.list_metadata(&ListParams::default()).await?.items.len();
        let services = services.list_metadata(&ListParams::default()).await?.items.len();
        Ok((left == 0 && services == 0).then_some(()))
    })
    .await
    .with_context(|| format!("in {namespace}"))
}

/// For cleaning up after a controller that can't any more: takes the finalizers off, so that routes can go.
pub(crate) async fn abandon(client: &Client, namespace: &str) -> anyhow::Result<()> {
    let routes: Api<LambdaRoute> = Api::namespaced(client.clone(), namespace);
    for route in routes.list_metadata(&ListParams::default()).await?.items {
        let patch = serde_json::json!({"metadata": {"finalizers": null}});
        routes.patch_metadata(&route.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await?;
    }
    Ok(())
}
