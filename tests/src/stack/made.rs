//! What the controllers of a stack made for themselves, in their own namespace.

use anyhow::Context;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::Value;

use super::Stack;

impl Stack {
    /// The CA of the route table, once a controller has made it.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn route_table_authority(&self) -> anyhow::Result<String> {
        let name = self.release.controller.flag("--ca-configmap").context("the chart names no CA ConfigMap")?;
        let api: Api<ConfigMap> = Api::namespaced(self.client(), &self.release.namespace);
        self.eventually("the route table's CA", async || {
            Ok(api.get_opt(name).await?.and_then(|map| map.data?.remove("ca.crt")))
        })
        .await
    }

    /// The certificate of the route table, PEM.
    ///
    /// # Errors
    /// When there is none.
    pub async fn certificate(&self) -> anyhow::Result<Vec<u8>> {
        let name = self.release.controller.flag("--certificate-secret").context("the chart names no Secret")?;
        let secret = Api::<Secret>::namespaced(self.client(), &self.release.namespace).get(name).await?;
        let mut data = secret.data.unwrap_or_default();
        data.remove("tls.crt").map(|bytes| bytes.0).context("the Secret has no tls.crt")
    }

    /// What the controllers made in their own namespace (Lease, Secret, ConfigMaps), and the kinds of its owners.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn owners(&self) -> anyhow::Result<Vec<(String, Value)>> {
        fn owners<K: kube::Resource>(kind: &str, objects: Vec<K>) -> Vec<(String, Value)> {
            let made =
                objects.into_iter().filter(|it| !it.meta().name.as_deref().unwrap_or("").starts_with("kube-root"));
            made.map(|object| {
                let kinds: Vec<_> = object.owner_references().iter().map(|owner| owner.kind.clone()).collect();
                (format!("{kind} {}", object.meta().name.clone().unwrap_or_default()), Value::from(kinds))
            })
            .collect()
        }
        let (client, namespace, all) = (self.client(), &self.release.namespace, ListParams::default());
        let leases = Api::<Lease>::namespaced(client.clone(), namespace).list(&all).await?.items;
        let secrets = Api::<Secret>::namespaced(client.clone(), namespace).list(&all).await?.items;
        let maps = Api::<ConfigMap>::namespaced(client, namespace).list(&all).await?.items;
        Ok([owners("Lease", leases), owners("Secret", secrets), owners("ConfigMap", maps)].concat())
    }
}
