//! The flags of where keys and secret values come from.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use lambdaroute_proxy_config::parse_source_range;

use crate::duration::parse;

/// Where keys and secret values come from.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Keys")]
pub struct SourceArgs {
    /// A namespace whose Secrets routes there may refer to. Can be repeated. The controller needs the right to get, list and
    /// watch Secrets there; the chart gives it by controller.secretNamespaces. Absent: no Secret is read
    #[arg(long, value_name = "NAMESPACE")]
    pub secret_namespace: Vec<String>,

    /// CA certificates (PEM) to trust besides the system's when the keys of JWT issuers are fetched
    #[arg(long, value_name = "FILE")]
    pub jwks_ca_file: Option<PathBuf>,

    /// A block of private addresses that the keys of JWT issuers may be fetched from. Can be repeated. Absent: public
    /// addresses only
    #[arg(long, value_name = "CIDR", value_parser = block)]
    pub jwks_private_range: Vec<IpNet>,

    /// How often the keys of issuers, the cluster's too, are fetched again, ±20 %. An issuer's Cache-Control may make it
    /// shorter, down to 5m
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = parse)]
    pub jwks_refresh_interval: Duration,
}

fn block(text: &str) -> Result<IpNet, String> {
    parse_source_range(text).map_err(|error| error.to_string())
}
