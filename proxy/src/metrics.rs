//! What /metrics tells. No label is unbounded: routes come from the table, methods and causes are closed sets.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

type Label = Arc<str>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    namespace: Label,
    name: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    namespace: Label,
    name: Label,
    method: &'static str,
    code: &'static str,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    namespace: Label,
    name: Label,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// Seconds. Function URLs answer in some milliseconds at best, and in 15 minutes at most.
const BUCKETS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 900.0];

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

#[derive(Clone)]
struct Families {
    requests: Family<RequestLabels, Counter>,
    /// A histogram is 15 series: by code class alone.
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
    in_flight: Family<RouteLabels, Gauge>,
}

type Routes = Mutex<HashMap<(Label, Label), Weak<RouteMetrics>>>;

/// The process's metrics.
pub(crate) struct Metrics {
    registry: Registry,
    families: Families,
    routes: Arc<Routes>,
    upstream_errors: Family<CauseLabel, Counter>,
    /// Whether a controller's stream is up: 1 or 0.
    pub(crate) connected: Gauge,
    /// The epoch of the table that is served.
    pub(crate) table_epoch: Gauge,
    /// The counter of the table that is served.
    pub(crate) table_counter: Gauge,
    table_routes: Family<StateLabel, Gauge>,
    credentials_expiry: Gauge<f64, AtomicU64>,
    /// Connections of callers.
    pub(crate) connections: Gauge,
    /// Connections that were closed at once.
    pub(crate) connections_refused: Counter,
    /// Files that the process may have open.
    pub(crate) open_files_limit: Gauge,
    /// Bytes that request bodies in flight may take.
    pub(crate) body_memory_limit: Gauge,
    /// Bytes that request bodies in flight take.
    pub(crate) body_memory: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let families = Families {
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram as fn() -> Histogram),
            in_flight: Family::default(),
        };
        let metrics = Metrics {
            registry: Registry::with_prefix("lambdaroute_proxy"),
            families,
            routes: Arc::default(),
            upstream_errors: Family::default(),
            connected: Gauge::default(),
            table_epoch: Gauge::default(),
            table_counter: Gauge::default(),
            table_routes: Family::default(),
            credentials_expiry: Gauge::default(),
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
        registry.register(
            "requests",
            "Requests answered, by route, method, code class and cause",
            self.families.requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time from a request's headers to the end of its answer",
            Unit::Seconds,
            self.families.durations.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests not yet answered to the end",
            self.families.in_flight.clone(),
        );
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

    /// The metrics of one route, made at its first request. They go with the last user.
    pub(crate) fn route(&self, namespace: &str, name: &str) -> Arc<RouteMetrics> {
        let key: (Label, Label) = (namespace.into(), name.into());
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = routes.get(&key).and_then(Weak::upgrade) {
            return metrics;
        }
        let metrics = Arc::new(RouteMetrics {
            families: self.families.clone(),
            routes: self.routes.clone(),
            labels: RouteLabels { namespace: key.0.clone(), name: key.1.clone() },
            series: Mutex::default(),
            in_flight: OnceLock::new(),
        });
        routes.insert(key, Arc::downgrade(&metrics));
        metrics
    }

    /// Counts a failure that is AWS's or the way's to it.
    pub(crate) fn upstream_error(&self, cause: &'static str) {
        self.upstream_errors.get_or_create(&CauseLabel { cause }).inc();
    }

    /// Says how many routes are in each state.
    pub(crate) fn set_routes(&self, serving: usize, waiting: usize, refused: usize) {
        for (state, count) in [("serving", serving), ("waiting", waiting), ("refused", refused)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.table_routes.get_or_create(&StateLabel { state }).set(count);
        }
    }

    /// The OpenMetrics text.
    pub(crate) fn text(&self, credentials_expiry: f64) -> String {
        self.credentials_expiry.set(credentials_expiry);
        let mut text = String::new();
        // Writing to a string doesn't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Method, code class, cause.
type Series = (&'static str, &'static str, &'static str);

/// One route's series; handles are kept, so that a request makes no label.
pub(crate) struct RouteMetrics {
    families: Families,
    routes: Arc<Routes>,
    labels: RouteLabels,
    series: Mutex<HashMap<Series, (Counter, Histogram)>>,
    in_flight: OnceLock<Gauge>,
}

impl RouteMetrics {
    /// Requests not yet answered to the end.
    pub(crate) fn in_flight(&self) -> &Gauge {
        self.in_flight.get_or_init(|| self.families.in_flight.get_or_create_owned(&self.labels))
    }

    /// A request has been answered to the end.
    pub(crate) fn answered(&self, series: Series, duration: Duration) {
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, durations) = known.entry(series).or_insert_with(|| {
            let count = self.families.requests.get_or_create_owned(&self.request_labels(series));
            (count, self.families.durations.get_or_create_owned(&self.duration_labels(series)))
        });
        count.inc();
        durations.observe(duration.as_secs_f64());
    }

    fn request_labels(&self, (method, code, cause): Series) -> RequestLabels {
        let RouteLabels { namespace, name } = self.labels.clone();
        RequestLabels { namespace, name, method, code, cause }
    }

    fn duration_labels(&self, (_, code, _): Series) -> DurationLabels {
        let RouteLabels { namespace, name } = self.labels.clone();
        DurationLabels { namespace, name, code }
    }
}

impl Drop for RouteMetrics {
    /// The route is gone: so are its series, unless a route of the same name has come in the meantime.
    fn drop(&mut self) {
        let key = (self.labels.namespace.clone(), self.labels.name.clone());
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.get(&key).is_some_and(|route| route.strong_count() > 0) {
            return;
        }
        routes.remove(&key);
        self.families.in_flight.remove(&self.labels);
        let series = std::mem::take(self.series.get_mut().unwrap_or_else(PoisonError::into_inner));
        for series in series.into_keys() {
            self.families.requests.remove(&self.request_labels(series));
            self.families.durations.remove(&self.duration_labels(series));
        }
    }
}

#[cfg(test)]
mod tests;
