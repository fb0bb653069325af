//! How often keys are worked on, with which outcome, and how many wait.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Name, lock};
use crate::drift::Drift;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DriftLabels {
    kind: &'static str,
}

/// `reconciles_total{kind,outcome}`, `reconcile_queue_length`, `drift_found_total{kind}`, `drift_repaired_total{kind}` and
/// `deletions_blocked`.
#[derive(Clone)]
pub struct ReconcileMetrics {
    reconciles: Family<Labels, Counter>,
    queue: Gauge,
    drift_found: Family<DriftLabels, Counter>,
    drift_repaired: Family<DriftLabels, Counter>,
    blocked: Arc<Mutex<BTreeSet<Name>>>,
    deletions_blocked: Gauge,
}

impl ReconcileMetrics {
    /// In a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            queue: Gauge::default(),
            drift_found: Family::default(),
            drift_repaired: Family::default(),
            blocked: Arc::default(),
            deletions_blocked: Gauge::default(),
        };
        registry.register("reconciles", "Reconciles, by kind of key and outcome", metrics.reconciles.clone());
        registry.register("reconcile_queue_length", "Keys that are due now", metrics.queue.clone());
        registry.register(
            "drift_found",
            "What looks found changed in AWS though no manifest and no setting has changed, by kind",
            metrics.drift_found.clone(),
        );
        registry.register(
            "deletions_blocked",
            "LambdaRoutes that are being deleted and can't go, since AWS refuses or can't be reached (DeletionBlocked)",
            metrics.deletions_blocked.clone(),
        );
        registry.register("drift_repaired", "What of it was repaired, by kind", metrics.drift_repaired.clone());
        // Shown before the first: an alert on a rise needs the 0.
        for drift in Drift::ALL {
            let _ = metrics.drift_found.get_or_create(&DriftLabels { kind: drift.as_str() });
            let _ = metrics.drift_repaired.get_or_create(&DriftLabels { kind: drift.as_str() });
        }
        metrics
    }

    pub(super) fn drift_found(&self, drift: Drift) {
        self.drift_found.get_or_create(&DriftLabels { kind: drift.as_str() }).inc();
    }

    pub(super) fn drift_repaired(&self, drift: Drift) {
        self.drift_repaired.get_or_create(&DriftLabels { kind: drift.as_str() }).inc();
    }

    pub(super) fn count(&self, kind: &'static str, outcome: &'static str) {
        self.reconciles.get_or_create(&Labels { kind, outcome }).inc();
    }

    /// Whether a route's deletion is blocked now.
    pub(super) fn deletion_blocked(&self, name: &Name, blocked: bool) {
        let mut known = lock(&self.blocked);
        if blocked {
            known.insert(name.clone());
        } else {
            known.remove(name);
        }
        self.deletions_blocked.set(i64::try_from(known.len()).unwrap_or(i64::MAX));
    }

    pub(super) fn waiting(&self, keys: usize) {
        self.queue.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }
}
