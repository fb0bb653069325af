//! The route table's metrics. The registry adds the prefix `lambdaroute_controller_`. Labels are closed sets.

use std::sync::atomic::AtomicU64;

use lambdaroute_proxy_config::cause::Cause;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::table::RouteTable;

/// How a slice's write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceOutcome {
    /// It is as it shall be.
    Written,
    /// It will be tried again.
    Failed,
}

/// How a stream's beginning ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOutcome {
    /// It was let in.
    Accepted,
    /// This replica doesn't lead.
    NotLeading,
    /// No valid token.
    Unauthenticated,
    /// A valid token of somebody who may not.
    PermissionDenied,
    /// The token couldn't be reviewed.
    Unavailable,
}

impl SliceOutcome {
    fn as_str(self) -> &'static str {
        match self {
            SliceOutcome::Written => "written",
            SliceOutcome::Failed => "failed",
        }
    }
}

impl StreamOutcome {
    fn as_str(self) -> &'static str {
        match self {
            StreamOutcome::Accepted => "accepted",
            StreamOutcome::NotLeading => "not_leading",
            StreamOutcome::Unauthenticated => "unauthenticated",
            StreamOutcome::PermissionDenied => "permission_denied",
            StreamOutcome::Unavailable => "unavailable",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabels {
    cause: &'static str,
}

/// The route table's metrics; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    slices: Family<OutcomeLabels, Counter>,
    streams: Family<OutcomeLabels, Counter>,
    causes: Family<CauseLabels, Counter>,
    leader: Gauge<i64, std::sync::atomic::AtomicI64>,
    epoch: Gauge<u64, AtomicU64>,
}

impl Metrics {
    /// Registers all of them.
    pub fn register(registry: &mut Registry, table: RouteTable) -> Self {
        let metrics = Self::default();
        registry.register("endpoint_slice_writes", "Writes of EndpointSlices, by outcome", metrics.slices.clone());
        registry.register("streams", "Streams that proxies asked for, by outcome", metrics.streams.clone());
        registry.register(
            "reported_causes",
            "Requests that proxies reported as not answered by the function, by cause",
            metrics.causes.clone(),
        );
        registry.register("leader", "1 while this replica leads", metrics.leader.clone());
        registry.register(
            "leader_epoch",
            "The Lease's transitions when this replica began to lead",
            metrics.epoch.clone(),
        );
        registry.register_collector(Box::new(Counts(table)));
        metrics
    }

    /// Counts a slice's write.
    pub fn slice_written(&self, outcome: SliceOutcome) {
        self.slices.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    /// Counts a stream's beginning.
    pub fn stream(&self, outcome: StreamOutcome) {
        self.streams.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    /// Counts what a proxy reported; words that aren't causes are left out.
    pub fn reported(&self, cause: &str, count: u64) {
        if let Some(cause) = Cause::ALL.iter().find(|known| known.as_str() == cause) {
            self.causes.get_or_create(&CauseLabels { cause: cause.as_str() }).inc_by(count);
        }
    }

    /// This replica leads.
    pub fn leading(&self, epoch: u64) {
        self.leader.set(1);
        self.epoch.set(epoch);
    }
}

/// Read when scraped.
#[derive(Debug)]
struct Counts(RouteTable);

impl Collector for Counts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let (proxies, routes) = self.0.counts();
        let values = [
            ("connected_proxies", "Proxies with a stream to this replica", proxies),
            ("table_routes", "Routes in the route table", routes),
        ];
        for (name, help, value) in values {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            let metric = encoder.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Gauge)?;
            gauge.encode(metric)?;
        }
        Ok(())
    }
}
