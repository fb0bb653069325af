//! What /metrics tells of the process; [`routes`] tells of the routes. No label is unbounded: routes come from the table,
//! methods, code classes and causes are closed sets.

mod histogram;
mod label;
mod route;
mod routes;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use lambdaroute_proxy_config::cause::Cause;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use label::{CodeClass, MethodLabel};
pub(crate) use route::{Answered, RouteMetrics};
use routes::Routes;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// What is looked up at a scrape.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LookedUp {
    /// Seconds since the epoch.
    pub(crate) credentials_expiry: f64,
    /// Seconds; NaN: there never was a controller.
    pub(crate) table_age: f64,
    /// Bytes that request bodies in flight take.
    pub(crate) body_memory: usize,
}

/// The process's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    routes: Routes,
    upstream_errors: Family<CauseLabel, Counter>,
    /// Whether a controller's stream is up: 1 or 0.
    pub(crate) connected: Gauge,
    /// The epoch of the table that is served.
    pub(crate) table_epoch: Gauge,
    /// The counter of the table that is served.
    pub(crate) table_counter: Gauge,
    table_routes: Family<StateLabel, Gauge>,
    credentials_expiry: Gauge<f64, AtomicU64>,
    table_age: Gauge<f64, AtomicU64>,
    /// Lines of the access log that nobody could write in time.
    pub(crate) access_log_dropped: Counter,
    /// Connections of callers.
    pub(crate) connections: Gauge,
    /// Connections that were closed at once.
    pub(crate) connections_refused: Counter,
    /// Files that the process may have open.
    pub(crate) open_files_limit: Gauge,
    /// Bytes that request bodies in flight may take.
    pub(crate) body_memory_limit: Gauge,
    body_memory: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Metrics {
            registry: Registry::with_prefix("lambdaroute_proxy"),
            routes: Routes::default(),
            upstream_errors: Family::default(),
            connected: Gauge::default(),
            table_epoch: Gauge::default(),
            table_counter: Gauge::default(),
            table_routes: Family::default(),
            credentials_expiry: Gauge::default(),
            table_age: Gauge::default(),
            access_log_dropped: Counter::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            open_files_limit: Gauge::default(),
            body_memory_limit: Gauge::default(),
            body_memory: Gauge::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register_collector(Box::new(self.routes.clone()));
        registry.register("build", "The version of this binary", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register(
            "upstream_errors",
            "Refusals and failures of AWS and of connections to it",
            self.upstream_errors.clone(),
        );
        registry.register("controller_connected", "Whether a controller's stream is up", self.connected.clone());
        registry.register("table_epoch", "Epoch of the route table that is served", self.table_epoch.clone());
        registry.register("table_counter", "Counter of the route table that is served", self.table_counter.clone());
        registry.register(
            "table_routes",
            "Routes of the table by state: serving, waiting (for their port), refused",
            self.table_routes.clone(),
        );
        registry.register_with_unit(
            "credentials_expiry_timestamp",
            "When the AWS credentials expire; 0: never, or there are none",
            Unit::Seconds,
            self.credentials_expiry.clone(),
        );
        registry.register_with_unit(
            "table_age",
            "How long no controller has been heard of. 0: one is connected; NaN: never was one",
            Unit::Seconds,
            self.table_age.clone(),
        );
        registry.register(
            "access_log_dropped",
            "Lines of the access log that nobody could write in time",
            self.access_log_dropped.clone(),
        );
        registry.register("connections", "Connections of callers", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections closed at once: there were as many as --max-connections allows",
            self.connections_refused.clone(),
        );
        registry.register("open_files_limit", "Files that the process may have open", self.open_files_limit.clone());
        for (name, help, gauge) in [
            ("body_memory", "Memory that request bodies in flight take", &self.body_memory),
            ("body_memory_limit", "Memory that request bodies in flight may take", &self.body_memory_limit),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        self
    }

    /// The metrics of one route. They go with the last user.
    pub(crate) fn route(&self, namespace: &str, name: &str) -> Arc<RouteMetrics> {
        self.routes.get(namespace, name)
    }

    /// Counts a failure that is AWS's or the way's to it.
    pub(crate) fn upstream_error(&self, cause: Cause) {
        self.upstream_errors.get_or_create(&CauseLabel { cause: cause.as_str() }).inc();
    }

    /// Says how many routes are in each state.
    pub(crate) fn set_routes(&self, serving: usize, waiting: usize, refused: usize) {
        for (state, count) in [("serving", serving), ("waiting", waiting), ("refused", refused)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.table_routes.get_or_create(&StateLabel { state }).set(count);
        }
    }

    /// The OpenMetrics text.
    pub(crate) fn text(&self, looked_up: &LookedUp) -> String {
        self.credentials_expiry.set(looked_up.credentials_expiry);
        self.table_age.set(looked_up.table_age);
        self.body_memory.set(i64::try_from(looked_up.body_memory).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests;
