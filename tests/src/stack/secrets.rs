//! Secrets of a stack's routes, and the controller's right to them.

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::json;

use super::Stack;

impl Stack {
    /// Puts a Secret of this data in place of the one of its name.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn secret(&self, name: &str, data: &[(&str, &str)]) -> anyhow::Result<()> {
        let data: serde_json::Map<_, _> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), aws_smithy_types::base64::encode(value).into()))
            .collect();
        let metadata = json!({"name": name, "namespace": self.namespace});
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data});
        self.cluster.apply(&secret, None).await?;
        Ok(())
    }

    /// Deletes a Secret.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_secret(&self, name: &str) -> anyhow::Result<()> {
        let api: Api<Secret> = Api::namespaced(self.client(), &self.namespace);
        api.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Takes the controller's right to Secrets of the routes' namespace away.
    ///
    /// # Errors
    /// When it had none, or the API server refuses.
    pub async fn bar_secrets(&self) -> anyhow::Result<()> {
        let api: Api<RoleBinding> = Api::namespaced(self.client(), &self.namespace);
        let bindings = api.list(&ListParams::default()).await?.items;
        anyhow::ensure!(bindings.len() == 1, "the chart made {} bindings in the routes' namespace", bindings.len());
        for binding in bindings {
            api.delete(&binding.metadata.name.unwrap_or_default(), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    /// What a controller has logged.
    ///
    /// # Errors
    /// When it isn't running.
    pub fn controller_log(&self, index: usize) -> anyhow::Result<String> {
        match &Self::slot(&self.controllers, index)?.component {
            Some(component) => component.process.output(),
            None => anyhow::bail!("it isn't running"),
        }
    }
}
