//! Pods that stand for processes: objects of the API server with no kubelet behind them.

use anyhow::Context;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::Cluster;

/// A Pod that stands for a process.
#[derive(Clone, Copy, Debug)]
pub struct PodStand<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its ServiceAccount.
    pub service_account: &'a str,
    /// Its labels.
    pub labels: &'a Value,
    /// Its address; never loopback, which no EndpointSlice may have.
    pub address: &'a str,
}

impl Cluster {
    /// A Pod that stands for a process: bound to a node, running and ready, with an address that means something only in
    /// the cluster. Gives its uid.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pod(&self, pod: &PodStand<'_>) -> anyhow::Result<String> {
        let &PodStand { namespace, name, service_account, labels, address } = pod;
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {
                "nodeName": "node-1", "serviceAccountName": service_account, "automountServiceAccountToken": false,
                "containers": [{"name": "process", "image": "none"}],
            },
        });
        let made = api.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        self.pod_status(namespace, name, address, true).await?;
        made.metadata.uid.context("the Pod has no uid")
    }

    /// Says whether such a Pod is ready.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn pod_status(&self, namespace: &str, name: &str, address: &str, ready: bool) -> anyhow::Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let status = json!({"status": {
            "phase": "Running", "hostIP": "10.77.0.2", "hostIPs": [{"ip": "10.77.0.2"}],
            "podIP": address, "podIPs": [{"ip": address}],
            "conditions": [
                {"type": "Ready", "status": if ready { "True" } else { "False" }},
                {"type": "ContainersReady", "status": if ready { "True" } else { "False" }},
            ],
        }});
        api.patch_status(name, &PatchParams::default(), &Patch::Strategic(&status)).await?;
        Ok(())
    }

    /// Deletes such a Pod at once: there is no kubelet to wait for.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_pod(&self, namespace: &str, name: &str) -> anyhow::Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        api.delete(name, &DeleteParams::default().grace_period(0)).await?;
        Ok(())
    }
}
