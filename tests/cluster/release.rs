//! The chart in the cluster: `helm install` and `helm uninstall` as an operator runs them, and a restart of everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::conditions::is_deployment_completed;
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt};
use lambdaroute_tests::emulator::REGION;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::aws::Aws;
use crate::settings::Settings;
use crate::wait::until;

/// The release's name.
const RELEASE: &str = "lambdaroute";
/// Its namespace.
pub(crate) const NAMESPACE: &str = "lambdaroute-system";
const DEPLOYMENTS: [&str; 2] = ["lambdaroute-controller", "lambdaroute-proxy"];
const SECRETS: [&str; 2] = ["aws-controller", "aws-proxy"];

pub(crate) struct Release {
    helm: PathBuf,
    kubeconfig: PathBuf,
    client: Client,
}

impl Release {
    pub(crate) fn new(settings: &Settings, helm: PathBuf, client: Client) -> Self {
        Self { helm, kubeconfig: settings.kubeconfig.clone(), client }
    }

    /// Installs chart and images, with credentials from Secrets (a cluster without IRSA and Pod Identity).
    pub(crate) async fn install(&self, settings: &Settings, aws: &Aws, directory: &Path) -> anyhow::Result<()> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut values = json!({
            "proxyPrincipal": aws.principals.proxies.arn,
            "aws": {"region": REGION, "endpointURL": aws.endpoint, "functionURLEndpoint": aws.endpoint},
        });
        let components = [
            ("controller", SECRETS[0], &aws.principals.controller, &settings.controller_image),
            ("proxy", SECRETS[1], &aws.principals.proxies, &settings.proxy_image),
        ];
        for (component, secret, principal, image) in components {
            let variables: serde_json::Map<String, Value> =
                principal.credentials.environment().into_iter().map(|(name, value)| (name, value.into())).collect();
            let environment: Vec<Value> = variables
                .keys()
                .map(|name| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}))
                .collect();
            let object = serde_json::from_value(json!({"metadata": {"name": secret}, "stringData": variables}))?;
            secrets.create(&PostParams::default(), &object).await.context("create the Secret of the credentials")?;
            let (repository, tag) = image.rsplit_once(':').context("an image needs a tag")?;
            values[component] = json!({
                "image": {"registry": "", "repository": repository, "tag": tag},
                "extraEnv": environment,
            });
        }
        let file = directory.join("values.json");
        tokio::fs::write(&file, values.to_string()).await?;
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/lambdaroute");
        let mut command = self.helm("install");
        command.arg(chart).arg("--values").arg(file).args(["--wait", "--timeout", "180s"]);
        run(command).await
    }

    /// Both Deployments at once get new Pods. Returns when the new ones are ready and the old ones are gone.
    pub(crate) async fn restart(&self, limit: Duration) -> anyhow::Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), NAMESPACE);
        let before = self.pods().await?;
        ensure!(before.len() >= 4, "two replicas of both were expected, there are {before:?}");
        for name in DEPLOYMENTS {
            deployments.restart(name).await.with_context(|| format!("restart {name}"))?;
        }
        let both = async {
            for name in DEPLOYMENTS {
                await_condition(deployments.clone(), name, is_deployment_completed()).await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(limit, both).await.context("the rolling restart didn't come to its end")??;
        until(limit, "the old Pods to be gone", async || Ok(self.pods().await?.is_disjoint(&before).then_some(())))
            .await
    }

    async fn pods(&self) -> anyhow::Result<BTreeSet<String>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let label = format!("app.kubernetes.io/instance={RELEASE}");
        let list = pods.list(&ListParams::default().labels(&label)).await?;
        Ok(list.items.iter().map(ResourceExt::name_any).collect())
    }

    /// Uninstalls, and takes away what the suite itself had added.
    pub(crate) async fn uninstall(&self) -> anyhow::Result<()> {
        let mut command = self.helm("uninstall");
        command.args(["--wait", "--timeout", "120s", "--ignore-not-found"]);
        run(command).await?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        for name in SECRETS {
            match secrets.delete(name, &DeleteParams::default()).await {
                Ok(_) => (),
                Err(kube::Error::Api(status)) if status.code == 404 => (),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn helm(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.helm);
        command.args([verb, RELEASE, "--namespace", NAMESPACE, "--kubeconfig"]).arg(&self.kubeconfig);
        command.env_remove("KUBECONFIG").stdin(std::process::Stdio::null()).kill_on_drop(true);
        command
    }
}

async fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().await.context("run helm")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "helm failed ({}): {said}", output.status);
    Ok(())
}
