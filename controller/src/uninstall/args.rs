//! The flags of `uninstall`.

use std::time::Duration;

use crate::duration::parse;

/// How long an uninstall may take.
#[derive(Clone, Debug, clap::Args)]
pub struct UninstallArgs {
    /// How long AWS is tried, from when this process leads. What isn't taken back then is named, and stays
    #[arg(long, default_value = "2m", value_name = "DURATION", value_parser = parse)]
    pub time_limit: Duration,

    /// How long to wait for the running controllers to end and the Lease to be free. After it nothing is changed
    #[arg(long, default_value = "1m", value_name = "DURATION", value_parser = parse)]
    pub lead_within: Duration,

    /// Do nothing unless the Deployment (--owner-deployment) has this annotation, by which whoever installed it marks it: the
    /// chart's Job may only run in an uninstall of theirs, not because its manifest was applied
    #[arg(long, value_name = "KEY[=VALUE]")]
    pub require_annotation: Option<String>,
}
