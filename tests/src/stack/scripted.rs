//! Scripted proxies and strangers of a stack.

use lambdaroute_proxy_config::TOKEN_AUDIENCE;
use serde_json::json;
use tonic::{Code, Status};

use super::Stack;
use crate::cluster::PodStand;
use crate::scripted_proxy::{Answer, ScriptedProxy};

/// A scripted proxy with the Pod that stands for it.
pub struct Scripted {
    /// The proxy.
    pub proxy: ScriptedProxy,
    /// Its Pod's name.
    pub pod: String,
    /// Its Pod's address in the cluster.
    pub address: String,
}

impl Scripted {
    /// Cuts the stream; the Pod stays, ready as before. Gives its name.
    pub fn cut(self) -> String {
        self.pod
    }
}

impl Stack {
    /// A scripted proxy with a ready Pod of its own, connected to the leader.
    ///
    /// # Errors
    /// When it isn't let in in time.
    pub async fn scripted_proxy(&self, answer: Answer) -> anyhow::Result<Scripted> {
        let (pod, uid, address, _) = self.proxy_pod().await?;
        let token = self.proxy_token(&pod, &uid).await?;
        let proxy = self
            .eventually("the leader to let a proxy in", async || Ok(Some(self.connect(&token, answer.clone()).await?)))
            .await?;
        Ok(Scripted { proxy, pod, address })
    }

    /// Connects to the leader with a token.
    ///
    /// # Errors
    /// The controller's refusal.
    pub async fn connect(&self, token: &str, answer: Answer) -> Result<ScriptedProxy, Status> {
        let internal = |error: anyhow::Error| Status::internal(format!("{error:#}"));
        let leader = self.leader().await.map_err(internal)?;
        let authority = self.route_table_authority().await.map_err(internal)?;
        ScriptedProxy::connect(self.route_table(leader), &authority, token, answer).await
    }

    /// A token of a ServiceAccount of the routes' namespace, for this audience, as a Pod that calls a route mounts it.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn account_token(&self, account: &str, audience: &str) -> anyhow::Result<String> {
        self.cluster.token(&self.namespace, account, Some(audience), None).await
    }

    /// Tokens that don't prove a proxy's Pod: what each is, the token, and how it is refused.
    ///
    /// # Errors
    /// When the API server doesn't give one.
    pub async fn wrong_tokens(&self) -> anyhow::Result<Vec<(&'static str, String, Code)>> {
        let (pod, uid, _, _) = self.proxy_pod().await?;
        let (namespace, account) = (&self.release.namespace, &self.release.proxy.service_account);
        let bound = Some((pod.as_str(), uid.as_str()));
        let audience = Some(TOKEN_AUDIENCE);
        let other_audience = self.cluster.token(namespace, account, Some("sts.amazonaws.com"), bound).await?;
        let api_server = self.cluster.token(namespace, account, None, bound).await?;
        let unbound = self.cluster.token(namespace, account, audience, None).await?;
        let controller = &self.release.controller.service_account;
        let other_account = self.cluster.token(namespace, controller, audience, None).await?;
        let tenant = self.cluster.token(&self.namespace, "default", audience, None).await?;
        Ok(vec![
            ("no token of the cluster", "no-token-at-all".to_owned(), Code::Unauthenticated),
            ("another audience", other_audience, Code::Unauthenticated),
            ("the API server's audience", api_server, Code::Unauthenticated),
            ("bound to no Pod", unbound, Code::PermissionDenied),
            ("the controller's ServiceAccount", other_account, Code::PermissionDenied),
            ("a tenant's ServiceAccount", tenant, Code::PermissionDenied),
        ])
    }

    /// Deletes a Pod that stands for a proxy.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_pod(&self, name: &str) -> anyhow::Result<()> {
        self.cluster.delete_pod(&self.release.namespace, name).await
    }

    /// A ready Pod of a tenant that has some address.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn stranger_pod(&self, address: &str) -> anyhow::Result<()> {
        let labels = json!({"app": "stranger"});
        let pod = PodStand {
            namespace: &self.namespace,
            name: "stranger",
            service_account: "default",
            labels: &labels,
            address,
        };
        self.cluster.pod(&pod).await.map(drop)
    }
}
