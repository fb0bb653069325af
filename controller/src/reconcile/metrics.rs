//! How often keys are worked on, with which outcome, and how many wait.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    outcome: &'static str,
}

/// `reconciles_total{kind,outcome}` and `reconcile_queue_length`.
#[derive(Clone)]
pub struct ReconcileMetrics {
    reconciles: Family<Labels, Counter>,
    queue: Gauge,
}

impl ReconcileMetrics {
    /// In a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self { reconciles: Family::default(), queue: Gauge::default() };
        registry.register("reconciles", "Reconciles, by kind of key and outcome", metrics.reconciles.clone());
        registry.register("reconcile_queue_length", "Keys that are due now", metrics.queue.clone());
        metrics
    }

    pub(super) fn count(&self, kind: &'static str, outcome: &'static str) {
        self.reconciles.get_or_create(&Labels { kind, outcome }).inc();
    }

    pub(super) fn waiting(&self, keys: usize) {
        self.queue.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }
}
