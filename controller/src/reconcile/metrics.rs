//! How often keys are worked on, with which outcome, how many wait, and how many routes are in which state.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use kube::runtime::reflector::Store;
use lambdaroute_crds::LambdaRoute;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::{Name, lock};
use crate::drift::Drift;
use crate::route_states::route_states;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DriftLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    condition: &'static str,
    status: &'static str,
    reason: &'static str,
}

/// The routes that the leader knows; nothing before, so that the replicas' numbers can be added up. Read when scraped.
#[derive(Clone, Default)]
struct KnownRoutes(Arc<Mutex<Option<Store<LambdaRoute>>>>);

impl fmt::Debug for KnownRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownRoutes")
    }
}

impl Collector for KnownRoutes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let routes = lock(&self.0).as_ref().map(Store::state).unwrap_or_default();
        let help =
            "LambdaRoutes by what a condition of their status says; each counts once for every condition that it has";
        let mut metric = encoder.encode_descriptor("routes", help, None, MetricType::Gauge)?;
        for ((condition, status, reason), count) in route_states(routes.iter().map(Arc::as_ref)) {
            let labels =
                StateLabels { condition: condition.as_str(), status: status.as_str(), reason: reason.as_str() };
            let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
            gauge.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// `routes{condition,status,reason}`, `reconciles_total{kind,outcome}`, `reconcile_queue_length`, `drift_found_total{kind}`, `drift_repaired_total{kind}` and
/// `deletions_blocked`.
#[derive(Clone)]
pub struct ReconcileMetrics {
    reconciles: Family<Labels, Counter>,
    queue: Gauge,
    drift_found: Family<DriftLabels, Counter>,
    drift_repaired: Family<DriftLabels, Counter>,
    blocked: Arc<Mutex<BTreeSet<Name>>>,
    deletions_blocked: Gauge,
    routes: KnownRoutes,
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
            routes: KnownRoutes::default(),
        };
        registry.register_collector(Box::new(metrics.routes.clone()));
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

    /// This replica leads and knows the routes.
    pub(super) fn know_routes(&self, routes: Store<LambdaRoute>) {
        *lock(&self.routes.0) = Some(routes);
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
