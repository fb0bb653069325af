//! Ordinary pods of the cluster that call routes: no AWS, no credentials, no token, just `caller` (tests/src/bin).

use std::time::Duration;

use anyhow::{Context, bail};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, LogParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use lambdaroute_tests::caller::Report;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A pod, its start included, has so long until its first line.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A running pod and what it said last.
pub(crate) struct Caller {
    name: String,
    pods: Api<Pod>,
    reports: watch::Receiver<Report>,
    reading: JoinHandle<anyhow::Result<()>>,
}

impl Caller {
    /// Starts a pod in `namespace` that runs `caller` with these arguments.
    pub(crate) async fn start(
        client: &Client,
        image: &str,
        namespace: &str,
        name: &str,
        args: Vec<String>,
    ) -> anyhow::Result<Self> {
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": 90,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "caller", "image": image, "imagePullPolicy": "IfNotPresent", "args": args,
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
                    },
                }],
            },
        }))?;
        pods.create(&PostParams::default(), &pod)
            .await
            .with_context(|| format!("create the pod {namespace}/{name}"))?;
        let begun = |pod: Option<&Pod>| {
            let phase = pod.and_then(|pod| pod.status.as_ref()).and_then(|status| status.phase.as_deref());
            matches!(phase, Some("Running" | "Succeeded" | "Failed"))
        };
        tokio::time::timeout(STARTS_WITHIN, await_condition(pods.clone(), name, begun))
            .await
            .with_context(|| format!("the pod {namespace}/{name} didn't start"))??;
        let log = LogParams { follow: true, ..LogParams::default() };
        let mut lines = pods.log_stream(name, &log).await?.lines();
        let (said, reports) = watch::channel(Report::default());
        let reading = tokio::spawn(async move {
            while let Some(line) = lines.try_next().await? {
                let report = serde_json::from_str(&line).with_context(|| format!("the caller said: {line}"))?;
                said.send_replace(report);
            }
            Ok(())
        });
        Ok(Self { name: name.to_owned(), pods, reports, reading })
    }

    /// What it said last.
    pub(crate) fn report(&self) -> Report {
        self.reports.borrow().clone()
    }

    /// Waits until a report satisfies `enough`.
    pub(crate) async fn until(
        &mut self,
        limit: Duration,
        what: &str,
        enough: impl FnMut(&Report) -> bool,
    ) -> anyhow::Result<Report> {
        let waited = tokio::time::timeout(limit, self.reports.wait_for(enough)).await;
        match waited.map(|report| report.map(|report| report.clone())) {
            Ok(Ok(report)) => return Ok(report),
            Ok(Err(_)) => (),
            Err(_) => bail!("{} has not {what} within {} s: {:?}", self.name, limit.as_secs(), self.report()),
        }
        // The log ended; why, the reader knows.
        (&mut self.reading).await??;
        bail!("{} ended before it has {what}: {:?}", self.name, self.report())
    }

    /// Waits for its end, takes the pod away and answers its last report.
    pub(crate) async fn finish(mut self, limit: Duration) -> anyhow::Result<Report> {
        let report = self.until(limit, "finished", |report| report.done).await?;
        self.pods.delete(&self.name, &DeleteParams::default()).await?;
        Ok(report)
    }

    /// Tells it to stop, by deleting the pod: it finishes what is in flight, then reports.
    pub(crate) async fn stop(mut self, limit: Duration) -> anyhow::Result<Report> {
        self.pods.delete(&self.name, &DeleteParams::default()).await?;
        self.until(limit, "finished", |report| report.done).await
    }
}
