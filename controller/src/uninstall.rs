//! `uninstall`: what the chart runs before `helm uninstall` deletes anything. It ends the controllers and leads in their stead,
//! empties all EndpointSlices, takes back what is ours in AWS within a time limit, and lets every LambdaRoute go, with what is
//! left in AWS named. It deletes no LambdaRoute and no Service, and touches nothing of anybody else's. Whatever fails in AWS,
//! it ends, and the finalizers come off.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use lambdaroute_crds::LambdaRoute;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app;
use crate::args::Args;
use crate::aws::Aws;
use crate::leadership;

mod args;
mod farewell;
mod fate;
mod installer;
mod leftover;
mod let_go;
mod pauses;
mod report;
mod scale;
mod slices;
mod take_back;
mod work;

pub use args::UninstallArgs;
pub use report::Report;

/// What to do after a failure.
pub const WAY_OUT: &str = "Run helm uninstall again, or without this step: helm uninstall --no-hooks. That leaves in AWS what is \
there, and the finalizer lambdaroute.dev/cleanup on each LambdaRoute, which then goes only once that is taken off by hand.";

/// Why nothing, or not all, was done. Each names the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The controllers can't be ended.
    #[error("the deployment {name:?} can't be scaled to 0, so the controllers would undo all of it: {source}")]
    Scale {
        /// The Deployment.
        name: String,
        /// What the API server says.
        source: kube::Error,
    },
    /// Somebody else leads.
    #[error("the lease {name:?} wasn't free within {waited:?}: {holder} holds it. End that controller first")]
    Lease {
        /// The Lease.
        name: String,
        /// Who has it.
        holder: String,
        /// How long was waited.
        waited: Duration,
    },
    /// Another controller leads now.
    #[error("leadership is lost, ending so that nothing is written in two places: {0}")]
    LeadershipLost(String),
    /// The cluster can't be read.
    #[error("the cluster can't be read: {0:#}")]
    Read(anyhow::Error),
    /// Nobody uninstalls.
    #[error(
        "the deployment {name:?} hasn't the annotation {wanted} of whoever installed it, so this Job was applied with the rest \
of the chart's text, and nothing was done. Render the chart with uninstall.enabled=false"
    )]
    NotUninstalling {
        /// The Deployment.
        name: String,
        /// What was expected, as KEY or KEY=VALUE.
        wanted: String,
    },
    /// SIGTERM.
    #[error("told to stop before the end")]
    Stopped,
}

/// Takes everything back. After an error the controllers run again as before.
///
/// # Errors
/// [`Error`]. All of it may be tried again: what is done stays done.
pub async fn uninstall(
    args: &Args,
    options: &UninstallArgs,
    client: Client,
    aws: &Aws,
    stop: CancellationToken,
) -> Result<Report, Error> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &args.namespace);
    if let (Some(wanted), Some(name)) = (&options.require_annotation, &args.leader.owner_deployment) {
        installer::require(&deployments, name, wanted).await?;
    }
    if !has_routes(&client, args.routes.watch_namespace.as_deref()).await? {
        info!("this cluster has no LambdaRoutes any more, not even their kind: there is nothing to do");
        return Ok(Report::default());
    }
    let mut before = None;
    if let Some(name) = &args.leader.owner_deployment {
        let failed = |source| Error::Scale { name: name.clone(), source };
        before = scale::scale(&deployments, name, 0).await.map_err(failed)?;
        info!(deployment = name, replicas = before, "the controllers end");
    }
    let ended = lead(args, options, client, aws, &stop).await;
    let failed = !ended.as_ref().is_ok_and(Report::is_complete);
    if let (true, Some(replicas), Some(name)) = (failed, before, &args.leader.owner_deployment) {
        match scale::scale(&deployments, name, replicas).await {
            Ok(_) => info!(deployment = name, replicas, "the controllers run again"),
            Err(error) => {
                warn!(deployment = name, replicas, %error, "the controllers can't be started again: scale it")
            }
        }
    }
    ended
}

/// Whether the kind is served: where somebody has deleted the CRD, all routes are gone.
async fn has_routes(client: &Client, namespace: Option<&str>) -> Result<bool, Error> {
    let kind = ApiResource::erase::<LambdaRoute>(&());
    let routes: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let is_served = async || match routes.list_metadata(&ListParams::default().limit(1)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(false),
        Err(error) => Err(anyhow::Error::new(error).context("LambdaRoutes can't be listed")),
    };
    pauses::tried("list LambdaRoutes", is_served).await.map_err(Error::Read)
}

/// Waits for the Lease, and does it all as its holder.
async fn lead(
    args: &Args,
    options: &UninstallArgs,
    client: Client,
    aws: &Aws,
    stop: &CancellationToken,
) -> Result<Report, Error> {
    // Without the Deployment the Lease belongs to nobody.
    let owner = app::owner_of(args, &client).await.unwrap_or(None);
    let leases: Api<Lease> = Api::namespaced(client.clone(), &args.namespace);
    let name = args.leader.lease_name.clone();
    let acquired = tokio::time::timeout(
        options.lead_within,
        stop.run_until_cancelled(leadership::acquire(leases.clone(), app::terms(args, owner))),
    );
    let mut tenure = match acquired.await {
        Ok(Some(tenure)) => tenure,
        Ok(None) => return Err(Error::Stopped),
        Err(_) => {
            let found = leases.get_opt(&name).await.ok().flatten().and_then(|lease| lease.spec?.holder_identity);
            let holder = found.unwrap_or_else(|| "an unknown process".to_owned());
            return Err(Error::Lease { name, holder, waited: options.lead_within });
        }
    };
    let leadership = tenure.leadership();
    let ended = tokio::select! {
        reason = tenure.keep() => return Err(Error::LeadershipLost(reason)),
        () = stop.cancelled() => Err(Error::Stopped),
        ended = work::work(args, options, &client, aws, &leadership) => ended,
    };
    tenure.release().await;
    ended
}
