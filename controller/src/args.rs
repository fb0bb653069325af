//! The command line. Every flag has an environment variable only where Kubernetes gives it by the downward API.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::aws::AwsArgs;
use crate::duration::parse;
use crate::reconcile::ReconcileArgs;
use crate::server::authentication::ServiceAccount;
use crate::sources::SourceArgs;
use crate::uninstall::UninstallArgs;

/// Makes AWS and the cluster match every LambdaRoute.
#[derive(Clone, Debug, Parser)]
#[command(name = "lambdaroute-controller", version, disable_help_subcommand = true)]
pub struct Args {
    /// The namespace of the controller's own objects: Lease, Secret, ConfigMaps, Deployment.
    #[arg(long, env = "POD_NAMESPACE", alias = "lease-namespace")]
    pub namespace: String,
    /// The route table.
    #[command(flatten)]
    pub route_table: RouteTableArgs,
    /// Leader election.
    #[command(flatten)]
    pub leader: LeaderArgs,
    /// The admin port.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// AWS.
    #[command(flatten)]
    pub aws: AwsArgs,
    /// Routes.
    #[command(flatten)]
    pub routes: ReconcileArgs,
    /// Keys.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Logs.
    #[command(flatten)]
    pub log: LogArgs,
    /// What to do instead of running.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do instead of running.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Take back all that LambdaRoute has in AWS, and let every LambdaRoute go; `helm uninstall` runs it
    ///
    /// It ends the controllers (--owner-deployment), waits for the Lease, empties the EndpointSlices of all routes, takes back in
    /// AWS what is ours, takes the finalizers off, and prints what is left. LambdaRoutes and their Services stay. The
    /// controller's own flags go before the word uninstall, the same as of the controllers that ran.
    Uninstall(UninstallArgs),
}

/// The route table and its proxies.
#[derive(Clone, Debug, clap::Args)]
pub struct RouteTableArgs {
    /// Where proxies connect.
    #[arg(long, default_value = "[::]:9443")]
    pub route_table_address: SocketAddr,
    /// On how many proxies a route lives, at most. One with a smaller burst or limit of requests in flight lives on as many as
    /// that.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub proxies_per_route: u16,
    /// The namespace of the proxies' Pods. Absent: the controller's own.
    #[arg(long)]
    pub proxy_namespace: Option<String>,
    /// The labels of the proxies' Pods.
    #[arg(long, default_value = "app.kubernetes.io/component=proxy,app.kubernetes.io/part-of=lambdaroute")]
    pub proxy_selector: String,
    /// A ServiceAccount that proxies may run as, as NAMESPACE/NAME. Can be repeated.
    #[arg(long, required = true)]
    pub proxy_service_account: Vec<ServiceAccount>,
    /// The Secret that keeps the route table's certificate.
    #[arg(long, default_value = "lambdaroute-route-table")]
    pub certificate_secret: String,
    /// The ConfigMap that proxies read the CA from (key ca.crt).
    #[arg(long, default_value = "lambdaroute-route-table-ca")]
    pub ca_configmap: String,
    /// How long the server's certificate lives; it is renewed after two thirds.
    #[arg(long, default_value = "30d", value_parser = parse)]
    pub certificate_lifetime: Duration,
    /// How long its CA lives; a successor is made after two thirds.
    #[arg(long, default_value = "365d", value_parser = parse)]
    pub ca_lifetime: Duration,
    /// How long a new CA stands in the ConfigMap before it signs: kubelets need a while to bring it to the proxies.
    #[arg(long, default_value = "10m", value_parser = parse)]
    pub ca_propagation: Duration,
    /// How often the certificate is looked at.
    #[arg(long, default_value = "10s", value_parser = parse)]
    pub certificate_check_interval: Duration,
}

/// Leader election.
#[derive(Clone, Debug, clap::Args)]
pub struct LeaderArgs {
    /// The Lease that the leader holds.
    #[arg(long, default_value = "lambdaroute-controller")]
    pub lease_name: String,
    /// The name of this process in the Lease; a random part is added.
    #[arg(long, env = "POD_NAME", default_value = "lambdaroute-controller")]
    pub identity: String,
    /// How long a Lease that isn't renewed keeps others away.
    #[arg(long, default_value = "15s", value_parser = parse)]
    pub lease_duration: Duration,
    /// How long the leader goes on without a renewal.
    #[arg(long, default_value = "10s", value_parser = parse)]
    pub lease_renew_deadline: Duration,
    /// How often the Lease is looked at and renewed.
    #[arg(long, default_value = "2s", value_parser = parse)]
    pub lease_retry_period: Duration,
    /// The Deployment that the Lease, the Secret and the ConfigMaps belong to. Absent: they belong to nobody.
    #[arg(long)]
    pub owner_deployment: Option<String>,
}

/// The admin port.
#[derive(Clone, Debug, clap::Args)]
pub struct AdminArgs {
    /// Where /livez, /readyz and /metrics are.
    #[arg(long, default_value = "[::]:8080")]
    pub admin_address: SocketAddr,
}

/// Logs.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Logs")]
pub struct LogArgs {
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// A level, or a filter as tracing has it: info,lambdaroute_controller=debug.
    #[arg(long, env = "RUST_LOG", default_value = "info")]
    pub log_level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a terminal.
    Text,
}

impl Args {
    /// What no single flag can check.
    ///
    /// # Errors
    /// Words for the command line.
    pub fn check(&self) -> Result<(), String> {
        let leader = &self.leader;
        if leader.lease_duration.as_secs() == 0 || leader.lease_duration.subsec_nanos() != 0 {
            return Err("--lease-duration must be whole seconds, at least 1s".to_owned());
        }
        if leader.lease_renew_deadline >= leader.lease_duration {
            return Err("--lease-renew-deadline must be shorter than --lease-duration".to_owned());
        }
        if leader.lease_retry_period.is_zero() || leader.lease_retry_period >= leader.lease_renew_deadline {
            return Err("--lease-retry-period must be shorter than --lease-renew-deadline".to_owned());
        }
        if self.routes.drift_interval.is_zero() {
            return Err("--drift-interval must not be 0".to_owned());
        }
        if self.sources.jwks_refresh_interval.is_zero() {
            return Err("--jwks-refresh-interval must not be 0".to_owned());
        }
        if self.routes.dry_run && self.command.is_some() {
            return Err("--dry-run shows what a running controller would write: give it without uninstall".to_owned());
        }
        if self.sources.secret_namespace.contains(&self.namespace) {
            return Err("--secret-namespace must not name the controller's own namespace: a route there could send its private \
                        keys to a function"
                .to_owned());
        }
        let table = &self.route_table;
        if table.certificate_lifetime.as_secs() == 0 || table.certificate_lifetime > table.ca_lifetime {
            return Err("--certificate-lifetime must be at least 1s and not longer than --ca-lifetime".to_owned());
        }
        if table.ca_propagation > table.ca_lifetime / 3 {
            return Err("--ca-propagation must not be longer than a third of --ca-lifetime".to_owned());
        }
        if table.certificate_check_interval.is_zero() {
            return Err("--certificate-check-interval must not be 0".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
