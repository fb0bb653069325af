//! The cluster suite: the chart and both images in a real cluster, called by ordinary pods through its DNS and its
//! Services. It runs only where `LAMBDAROUTE_CLUSTER_KUBECONFIG` is set, on any cluster; `settings.rs` has the other
//! settings, `node.sh` beside it brings up a one-node cluster and runs it there.

mod aws;
mod callers;
mod evidence;
mod inventory;
mod namespaces;
mod relay;
mod release;
mod routes;
mod scenario;
mod settings;

use settings::Settings;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_calls_functions_by_service_name_and_a_rolling_restart_loses_nothing() -> anyhow::Result<()> {
    match Settings::from_environment()? {
        Some(settings) => scenario::run(settings).await,
        None => {
            eprintln!("skipped: LAMBDAROUTE_CLUSTER_KUBECONFIG isn't set (CONTRIBUTING.md, \"The cluster suite\")");
            Ok(())
        }
    }
}
