//! The suite's own namespaces. One of the same name that isn't ours is never touched: the suite stops.

use std::time::Duration;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client, ResourceExt};
use lambdaroute_tests::wait::within;
use serde_json::json;

const MARK: (&str, &str) = ("lambdaroute.dev/test", "cluster");
const LIMIT: Duration = Duration::from_secs(120);

/// Makes them, empty, under the `restricted` Pod Security Standard.
pub(crate) async fn create(client: &Client, names: &[&str]) -> anyhow::Result<()> {
    delete(client, names).await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in names {
        let labels = json!({MARK.0: MARK.1, "pod-security.kubernetes.io/enforce": "restricted"});
        let namespace = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}))?;
        namespaces
            .create(&PostParams::default(), &namespace)
            .await
            .with_context(|| format!("create namespace {name}"))?;
    }
    for name in names {
        // Kubernetes puts these there a moment later; an inventory is to have them.
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), name);
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), name);
        within(LIMIT, "the namespace's defaults", async || {
            let both = (accounts.get_opt("default").await?, maps.get_opt("kube-root-ca.crt").await?);
            Ok(matches!(both, (Some(_), Some(_))).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// Deletes those that are ours and waits until they are gone.
pub(crate) async fn delete(client: &Client, names: &[&str]) -> anyhow::Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    for name in names {
        let Some(namespace) = namespaces.get_opt(name).await? else { continue };
        let ours = namespace.labels().get(MARK.0).is_some_and(|mark| mark == MARK.1);
        ensure!(ours, "the namespace {name} exists and isn't this suite's: use another cluster");
        namespaces.delete(name, &DeleteParams::default()).await?;
    }
    for name in names {
        within(LIMIT, "the namespaces to go", async || Ok(namespaces.get_opt(name).await?.is_none().then_some(())))
            .await?;
    }
    Ok(())
}
