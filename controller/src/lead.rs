//! What the leader's reconciler is made of: flags, the cluster's id, and the parts of the process that it shares.

use std::sync::Arc;

use anyhow::Context;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ObjectMeta;
use kube::{Api, Client, ResourceExt};

use crate::app::Leading;
use crate::args::Args;
use crate::aws::Aws;
use crate::kubernetes::Kubernetes;
use crate::plan::Settings;
use crate::reconcile::{self, ReconcileMetrics, Setup};
use crate::sid::ClusterId;
use crate::sources::SourceMetrics;

/// The namespace that is as old as its cluster.
const OLDEST: &str = "kube-system";

/// Reconciles while this replica leads.
///
/// # Errors
/// What keeps the reconciler from beginning, or a task of it that ended.
pub async fn lead(
    args: Args,
    aws: Aws,
    metrics: ReconcileMetrics,
    source_metrics: SourceMetrics,
    leading: Leading,
) -> anyhow::Result<()> {
    let Leading { client, table, leadership, owner, stop } = leading;
    let settings = settings(&args, &client).await?;
    tracing::info!(cluster_id = %settings.cluster, principal = %settings.principal, "reconciling");
    let ports = ObjectMeta {
        name: Some(args.routes.ports_configmap.clone()),
        namespace: Some(args.namespace.clone()),
        owner_references: owner.map(|owner| vec![owner]),
        ..ObjectMeta::default()
    };
    let setup = Setup {
        kubernetes: Kubernetes::new(client, args.leader.identity),
        aws,
        table,
        settings,
        args: args.routes,
        source_args: args.sources,
        ports,
        metrics,
        source_metrics,
    };
    reconcile::run(Arc::new(setup), leadership, stop).await
}

/// Whose Sids are ours, and for whom they are.
///
/// # Errors
/// No `--cluster-id`, and the namespace that stands in for it can't be read.
pub async fn settings(args: &Args, client: &Client) -> anyhow::Result<Settings> {
    let principal = args.aws.proxy_principal.clone();
    if let Some(cluster) = args.aws.cluster_id.clone() {
        return Ok(Settings { cluster, principal });
    }
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let oldest = namespaces
        .get(OLDEST)
        .await
        .with_context(|| format!("the namespace {OLDEST} can't be read: give --cluster-id"))?;
    let cluster = ClusterId::from_namespace_uid(&oldest.uid().unwrap_or_default())
        .with_context(|| format!("the namespace {OLDEST} has no uid to make a cluster id of: give --cluster-id"))?;
    Ok(Settings { cluster, principal })
}
