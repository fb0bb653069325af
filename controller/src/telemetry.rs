//! Logs: to standard error, one line each.

use std::io::stderr;

use tracing_subscriber::EnvFilter;

use crate::args::{LogArgs, LogFormat};

/// Begins to log.
///
/// # Errors
/// A filter that can't be read, as words for the command line.
pub fn start(args: &LogArgs) -> Result<(), String> {
    let filter = EnvFilter::try_new(&args.log_level).map_err(|error| format!("--log-level: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    match args.log_format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => builder.try_init(),
    }
    .map_err(|error| format!("logging can't start: {error}"))
}
