//! What a stack's namespace may do, and who its tenants are.

use kube::api::{Api, DeleteParams};
use lambdaroute_crds::LambdaAccessPolicy;
use serde_json::{Value, json};

use super::Stack;
use crate::cluster::Cluster;
use crate::environment::GUARDED;

impl Stack {
    /// Makes the namespace one that no policy but the test's own names.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn guard(&self) -> anyhow::Result<()> {
        self.label(&json!({GUARDED: "yes"})).await
    }

    /// Gives the namespace these labels, in place of those that the last call gave.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn label(&self, labels: &Value) -> anyhow::Result<()> {
        let metadata = json!({"name": self.namespace, "labels": labels});
        self.cluster.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}), None).await?;
        Ok(())
    }

    /// Lets the namespace do this with every function; see [`Stack::policy`].
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn allow(&self, permissions: &[&str]) -> anyhow::Result<()> {
        let names = json!({"matchLabels": {"kubernetes.io/metadata.name": self.namespace}});
        let mut spec = json!({"namespaceSelector": names, "functions": ["arn:*:lambda:*:*:function:*"]});
        if !permissions.is_empty() {
            spec["allow"] = json!(permissions);
        }
        self.policy(&spec).await
    }

    /// The stack's own policy, in place of the last one.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn policy(&self, spec: &Value) -> anyhow::Result<()> {
        let policy = json!({
            "apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaAccessPolicy",
            "metadata": {"name": self.namespace}, "spec": spec,
        });
        self.cluster.apply(&policy, None).await?;
        Ok(())
    }

    /// Takes the stack's own policy away.
    ///
    /// # Errors
    /// When there is none, or the API server refuses.
    pub async fn withdraw(&self) -> anyhow::Result<()> {
        let api: Api<LambdaAccessPolicy> = Api::all(self.client());
        api.delete(&self.namespace, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The cluster as somebody who may edit the namespace of the routes: with the roles that the chart adds to the cluster's
    /// own `edit`.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn tenant(&self) -> anyhow::Result<Cluster> {
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "tenant", "namespace": self.namespace},
        });
        self.cluster.apply(&account, None).await?;
        let ours = ["edit", "view"].map(|role| format!("lr-{}-{role}", self.cluster_id));
        for role in ours.into_iter().chain(["edit".to_owned()]) {
            let binding = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": format!("tenant-{role}"), "namespace": self.namespace},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": self.namespace}],
            });
            self.cluster.apply(&binding, None).await?;
        }
        let file = self.directory.join("tenant.kubeconfig");
        let server = self.cluster.server();
        let account = (self.namespace.as_str(), "tenant");
        self.cluster.account_kubeconfig(account, &server, self.cluster.authority(), &file).await?;
        Cluster::connect(&file).await
    }
}
