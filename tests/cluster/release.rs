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
use lambdaroute_tests::helm;
use lambdaroute_tests::wait::within;
use serde_json::{Value, json};

use crate::aws::Aws;
use crate::settings::Settings;

/// The release's name.
const RELEASE: &str = "lambdaroute";
/// Its namespace.
pub(crate) const NAMESPACE: &str = "lambdaroute-system";
const DEPLOYMENTS: [&str; 2] = ["lambdaroute-controller", "lambdaroute-proxy"];
const SECRETS: [&str; 2] = ["aws-controller", "aws-proxy"];

pub(crate) struct Release {
    kubeconfig: PathBuf,
    client: Client,
}

impl Release {
    pub(crate) fn new(settings: &Settings, client: Client) -> Self {
        Self { kubeconfig: settings.kubeconfig.clone(), client }
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
            let mut environment: Vec<Value> = variables
                .keys()
                .map(|name| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}))
                .collect();
            environment
                .extend(settings.ssl_cert_file.iter().map(|file| json!({"name": "SSL_CERT_FILE", "value": file})));
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
        let (chart, file) = (helm::chart(), file.to_string_lossy().into_owned());
        self.helm(&["install", RELEASE, &chart.to_string_lossy(), "--values", &file, "--wait", "--timeout", "180s"])
            .await?;
        Ok(())
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
        within(limit, "the old Pods to be gone", async || Ok(self.pods().await?.is_disjoint(&before).then_some(())))
            .await
    }

    async fn pods(&self) -> anyhow::Result<BTreeSet<String>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let label = format!("app.kubernetes.io/instance={RELEASE}");
        let list = pods.list(&ListParams::default().labels(&label)).await?;
        Ok(list.items.iter().map(ResourceExt::name_any).collect())
    }

    /// Uninstalls, and takes away what the suite itself had added; gives what Helm printed.
    pub(crate) async fn uninstall(&self) -> anyhow::Result<String> {
        let printed = self.helm(&["uninstall", RELEASE, "--wait", "--timeout", "300s", "--ignore-not-found"]).await?;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), NAMESPACE);
        for name in SECRETS {
            match secrets.delete(name, &DeleteParams::default()).await {
                Ok(_) => (),
                Err(kube::Error::Api(status)) if status.code == 404 => (),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(printed)
    }

    async fn helm(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        arguments.extend(["--namespace".to_owned(), NAMESPACE.to_owned()]);
        let kubeconfig = self.kubeconfig.clone();
        let run = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let (printed, told) = helm::told(&arguments, Some(&kubeconfig))?;
            Ok(printed + &told)
        };
        tokio::task::spawn_blocking(run).await?
    }
}
