//! What tests do to a cluster as its administrator: apply manifests, make Pods that stand for processes, hand out tokens.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, DeleteParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

use crate::wait::eventually;

mod objects;
mod pods;
mod tokens;

pub use pods::PodStand;

#[cfg(test)]
mod tests;

/// A cluster, as its administrator.
#[derive(Clone)]
pub struct Cluster {
    /// A client that may do everything.
    pub client: Client,
    kubeconfig: PathBuf,
    server: http::Uri,
    server_name: String,
    authority: String,
}

impl Cluster {
    /// The cluster of a kubeconfig's current context.
    ///
    /// # Errors
    /// When the file can't be read, or names no cluster or no CA.
    pub async fn connect(kubeconfig: &Path) -> anyhow::Result<Self> {
        let text = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
        let mut config = Config::from_custom_kubeconfig(text, &KubeConfigOptions::default())
            .await
            .with_context(|| format!("use {}", kubeconfig.display()))?;
        // The shell's HTTPS_PROXY is not ours; the gate would not go through it either.
        config.proxy_url = None;
        let server = config.cluster_url.clone();
        let host = server.host().context("the kubeconfig's server has no host")?.trim_matches(['[', ']']).to_owned();
        let authority = config.root_cert.iter().flatten().map(|certificate| pem(certificate)).collect::<String>();
        ensure!(!authority.is_empty(), "{} names no certificate authority of the API server", kubeconfig.display());
        Ok(Self {
            server_name: config.tls_server_name.clone().unwrap_or(host),
            client: Client::try_from(config)?,
            kubeconfig: kubeconfig.to_owned(),
            server,
            authority,
        })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The API server's URL.
    pub fn server(&self) -> String {
        self.server.to_string()
    }

    /// The API server's address.
    ///
    /// # Errors
    /// When its name has no address.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        let host = self.server.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = self.server.port_u16().unwrap_or(443);
        let found = (host, port).to_socket_addrs().with_context(|| format!("find the address of {}", self.server))?;
        found.into_iter().next().context("the API server has no address")
    }

    /// The API server's URL.
    pub fn url(&self) -> String {
        self.server.to_string().trim_end_matches('/').to_owned()
    }

    /// The name or address that the API server's certificate is for.
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// The CA of the API server, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// A namespace.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.apply(&namespace, None).await?;
        // Pods can't be made before its ServiceAccount is there.
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), name);
        eventually("the namespace's ServiceAccount", async || Ok(accounts.get_opt("default").await?)).await?;
        Ok(())
    }

    /// Deletes a namespace. Doesn't wait.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn delete_namespace(&self, name: &str) -> anyhow::Result<()> {
        Api::<Namespace>::all(self.client.clone()).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }
}

/// A certificate as PEM (RFC 7468: lines of 64).
fn pem(certificate: &[u8]) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, letter) in aws_smithy_types::base64::encode(certificate).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + "\n-----END CERTIFICATE-----\n"
}
