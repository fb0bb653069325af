//! Sets the process's log up: one line an event, JSON by default. It never decides what is logged.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Directs the process's log to standard output.
///
/// # Errors
/// `level` isn't a level or a list of directives.
pub fn init(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("--log-level {level:?}: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    Ok(())
}
