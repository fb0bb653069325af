//! Which controller of a stack leads, and how the Lease changes hands.

use anyhow::Context;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};

use super::{Stack, running};
use crate::gate::Match;
use crate::wait;

impl Stack {
    /// SIGSTOP: it stands still, and knows nothing of it.
    ///
    /// # Errors
    /// When it isn't running.
    pub fn pause_controller(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.controllers[index])?.process.pause()
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// When it isn't running.
    pub fn resume_controller(&mut self, index: usize) -> anyhow::Result<()> {
        running(&mut self.controllers[index])?.process.resume()
    }

    /// Waits until a controller has ended by itself, however, and lets its slot be started again.
    ///
    /// # Errors
    /// When it doesn't in time.
    pub async fn controller_ended(&mut self, index: usize) -> anyhow::Result<()> {
        let process = &mut running(&mut self.controllers[index])?.process;
        wait::eventually("the controller's end", async || Ok(process.ended()?.map(drop))).await?;
        self.controllers[index].component = None;
        Ok(())
    }

    /// Makes the Lease of a controller that was killed free at once, as if its time were over.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn free_lease(&self) -> anyhow::Result<()> {
        let name = self.release.controller.flag("--lease-name").context("the chart names no Lease")?;
        let api: Api<Lease> = Api::namespaced(self.client(), &self.release.namespace);
        let free = Patch::Merge(serde_json::json!({"spec": {"holderIdentity": null}}));
        api.patch(name, &PatchParams::default(), &free).await?;
        Ok(())
    }

    /// A write of this controller to the API server that isn't an Event, in the namespace of the routes: of one of those that the
    /// stack began with.
    ///
    /// # Errors
    /// When its kubeconfig can't be read.
    pub fn writes_of_controller(&self, index: usize) -> anyhow::Result<Match> {
        let file = std::fs::read_to_string(self.kubeconfig(index)).context("read the controller's kubeconfig")?;
        let kubeconfig: serde_json::Value = serde_yaml_ng::from_str(&file)?;
        let token = kubeconfig["users"][0]["user"]["token"].as_str().context("no token in it")?;
        let authorization = format!("Bearer {token}");
        Ok(Match::any().path_contains(&format!("/namespaces/{}/", self.namespace)).when(
            "a write of one controller",
            move |seen| {
                seen.method != http::Method::GET
                    && !seen.path.ends_with("/events")
                    && seen.header("authorization") == Some(authorization.as_str())
            },
        ))
    }

    /// Which controller leads, by the Lease.
    ///
    /// # Errors
    /// When none does.
    pub async fn leader(&self) -> anyhow::Result<usize> {
        wait::eventually("a leader", async || {
            let holder = self.lease_holder().await?.unwrap_or_default();
            Ok(self.controllers.iter().position(|slot| !holder.is_empty() && holder.contains(&slot.name)))
        })
        .await
    }

    /// Who holds the Lease; none: it is free.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub async fn lease_holder(&self) -> anyhow::Result<Option<String>> {
        let name = self.release.controller.flag("--lease-name").context("the chart names no Lease")?;
        let api: Api<Lease> = Api::namespaced(self.client(), &self.release.namespace);
        let holder = api.get_opt(name).await?.and_then(|lease| lease.spec?.holder_identity);
        Ok(holder.filter(|holder| !holder.is_empty()))
    }
}
