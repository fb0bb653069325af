//! Sets the process's log up: one line an event, JSON by default. It never decides what is logged, but for one thing: what
//! other crates say below `info`. Some of them tell whole requests there, with the session token and callers' headers.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::args::LogFormat;

/// Crates of others that may say `debug`: they tell frames, timers and states there, never what is in them.
const TELL_NO_SECRETS: [&str; 4] = ["hyper_util", "rustls", "tower", "h2::client"];

/// Directs the process's log to standard output.
///
/// # Errors
/// `level` isn't a level or a list of directives.
pub fn init(format: LogFormat, level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("--log-level {level:?}: {error}"))?;
    let filter = filter.and(filter_fn(may_tell));
    let layer = tracing_subscriber::fmt::layer();
    let _ = match format {
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
            Registry::default().with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Text => Registry::default().with(layer.with_filter(filter)).try_init(),
    };
    Ok(())
}

fn may_tell(event: &Metadata<'_>) -> bool {
    is_told(event.target(), *event.level())
}

/// Whether a crate may say something at this level, whatever the operator asked for.
fn is_told(target: &str, level: Level) -> bool {
    let is_of = |name: &str| target.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    level <= Level::INFO
        || is_of("lambdaroute_proxy")
        || level == Level::DEBUG && TELL_NO_SECRETS.iter().any(|name| is_of(name))
}

#[cfg(test)]
mod tests;
