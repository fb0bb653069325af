//! ServiceAccounts' tokens: what a process proves itself with, to the API server and to the controller.

use std::path::Path;

use anyhow::Context;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use serde_json::json;

use super::Cluster;

/// As long as the sessions in AWS: a demo outlives a day's work.
const TOKEN_SECONDS: i64 = 43200;

impl Cluster {
    /// A token of a ServiceAccount, bound to a Pod if one is given.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn token(
        &self,
        namespace: &str,
        account: &str,
        audience: Option<&str>,
        pod: Option<(&str, &str)>,
    ) -> anyhow::Result<String> {
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: audience.into_iter().map(str::to_owned).collect(),
                expiration_seconds: Some(TOKEN_SECONDS),
                bound_object_ref: pod.map(|(name, uid)| BoundObjectReference {
                    api_version: Some("v1".into()),
                    kind: Some("Pod".into()),
                    name: Some(name.into()),
                    uid: Some(uid.into()),
                }),
            },
            ..TokenRequest::default()
        };
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let answer = api.create_token_request(account, &PostParams::default(), &request).await?;
        Ok(answer.status.context("no token in the answer")?.token)
    }

    /// A kubeconfig of a ServiceAccount at some address of the API server (a gate's), in a file.
    ///
    /// # Errors
    /// When there is no such ServiceAccount, or the file can't be written.
    pub async fn account_kubeconfig(
        &self,
        account: (&str, &str),
        server: &str,
        authority_pem: &str,
        file: &Path,
    ) -> anyhow::Result<()> {
        let (namespace, name) = account;
        let token = self.token(namespace, name, None, None).await?;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "account",
            "contexts": [{"name": "account", "context": {"cluster": "cluster", "user": "account", "namespace": namespace}}],
            "clusters": [{"name": "cluster", "cluster": {
                "server": server, "certificate-authority-data": aws_smithy_types::base64::encode(authority_pem),
            }}],
            "users": [{"name": "account", "user": {"token": token}}],
        });
        std::fs::write(file, serde_yaml_ng::to_string(&kubeconfig)?)
            .with_context(|| format!("write {}", file.display()))
    }
}
