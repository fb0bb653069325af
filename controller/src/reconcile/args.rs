//! The reconciler's flags.

use std::time::Duration;

use crate::duration::parse;
use crate::ports::PortRange;

/// How routes are reconciled.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Routes")]
pub struct ReconcileArgs {
    /// Ports of the proxies that belong to one route each
    #[arg(long, default_value = "10000-29999", value_name = "FIRST-LAST")]
    pub port_range: PortRange,

    /// How long a freed port rests before another route gets it; longer while a proxy still has it
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = parse)]
    pub port_rest: Duration,

    /// The ConfigMap, in the controller's namespace, that remembers resting ports
    #[arg(long, default_value = "lambdaroute-ports", value_name = "NAME")]
    pub ports_configmap: String,

    /// The cluster's DNS domain, for the URL in a route's status
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    pub cluster_domain: String,

    /// Watch LambdaRoutes of this namespace only. Absent: of all namespaces
    #[arg(long, value_name = "NAMESPACE")]
    pub watch_namespace: Option<String>,

    /// Let every namespace publish, take over and share every function, whatever LambdaAccessPolicies say: for a cluster of a
    /// single team
    #[arg(long)]
    pub allow_all: bool,

    /// Without any LambdaAccessPolicy nobody may use any function. Else every namespace may then use every function in the
    /// ordinary way
    #[arg(long, conflicts_with = "allow_all")]
    pub require_access_policy: bool,

    /// How often a steady function is looked at in AWS, ±20 %, once for all its routes. A change of manifests or settings, a
    /// proxy's report of refusals, or the annotation lambdaroute.dev/reconcile-at leads to a look at once
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = parse)]
    pub drift_interval: Duration,

    /// How many routes, and how many functions, are worked on at the same time
    #[arg(long, default_value_t = 8, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,

    /// Print every write that would be made for the routes of the cluster, one a line, make none, and exit
    #[arg(long)]
    pub dry_run: bool,
}
