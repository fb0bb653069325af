//! The Job that runs before `helm uninstall`, as a process, with its rights for as long as it runs.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::{Binary, Component, Stack};
use crate::wait;

/// No uninstall of these tests takes longer.
const ENDED_WITHIN: Duration = Duration::from_secs(90);

/// How an uninstall ended.
#[derive(Debug)]
pub struct Uninstalled {
    /// Whether Helm would go on.
    pub status: ExitStatus,
    /// All that Helm prints.
    pub output: String,
}

/// An uninstall that runs.
#[derive(Debug)]
pub struct Uninstalling(Component);

impl Stack {
    /// Runs the Job with some flags of its own (`--time-limit=5s`) until it ends, however.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn uninstall(&self, own: &[&str]) -> anyhow::Result<Uninstalled> {
        self.begin_uninstall(own).await?.ended().await
    }

    /// Starts the Job. Doesn't wait.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn begin_uninstall(&self, own: &[&str]) -> anyhow::Result<Uninstalling> {
        for right in &self.release.uninstall_rights {
            self.cluster.apply(right, Some(&self.release.namespace)).await?;
        }
        self.begin_uninstall_without_rights(own)
    }

    /// The same where the rights that the chart gives the Job aren't there.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn begin_uninstall_without_rights(&self, own: &[&str]) -> anyhow::Result<Uninstalling> {
        let name = format!("uninstall-{:06x}", rand::random::<u32>() & 0xff_ffff);
        let ours = self.controller_flags();
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        let flags = self.release.uninstall.flags_of("uninstall", &ours, &own);
        let mut environment = self.release.uninstall.environment(&name, &self.release.namespace);
        environment.extend(self.controller_environment(0));
        let program = Binary::Controller.path()?;
        Ok(Uninstalling(Component::start_program(&program, &name, &flags, &environment, &self.directory)?))
    }

    /// How many controllers the Deployment is to have.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn replicas(&self) -> anyhow::Result<i32> {
        let scale = self.deployments().get_scale(self.deployment_name()?).await?;
        // Kubernetes leaves a 0 out.
        Ok(scale.spec.and_then(|spec| spec.replicas).unwrap_or(0))
    }

    /// Has the Deployment ask for so many controllers; there is nobody here who would run its Pods.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn scale(&self, replicas: i32) -> anyhow::Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        self.deployments().patch_scale(self.deployment_name()?, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client(), &self.release.namespace)
    }

    fn deployment_name(&self) -> anyhow::Result<&str> {
        self.release.controller.flag("--owner-deployment").context("the chart names no Deployment")
    }
}

impl Uninstalling {
    /// Waits for its end.
    ///
    /// # Errors
    /// When it doesn't end in time.
    pub async fn ended(mut self) -> anyhow::Result<Uninstalled> {
        let process = &mut self.0.process;
        let status = wait::within(ENDED_WITHIN, "the end of the uninstall", async || process.ended()).await?;
        Ok(Uninstalled { status, output: self.0.process.output()? })
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it has ended.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.0.process.kill()
    }
}
