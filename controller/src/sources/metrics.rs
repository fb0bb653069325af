//! How often keys and Secrets are fetched, with which outcome, and how old keys are.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::needs::Issuer;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FetchLabels {
    source: &'static str,
    outcome: &'static str,
}

/// `key_fetches_total{source,outcome}`, `secret_reads_total{outcome}` and `key_set_age_seconds`.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    fetches: Family<FetchLabels, Counter>,
    secrets: Family<OutcomeLabels, Counter>,
    fetched: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

impl SourceMetrics {
    /// In a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self { fetches: Family::default(), secrets: Family::default(), fetched: Arc::default() };
        registry.register(
            "key_fetches",
            "Fetches of issuers' public keys, by source (issuer, cluster) and outcome (ok, or why not)",
            metrics.fetches.clone(),
        );
        registry.register("secret_reads", "Reads of Secrets that routes refer to, by outcome", metrics.secrets.clone());
        registry.register_collector(Box::new(Age(metrics.fetched.clone())));
        metrics
    }

    pub(super) fn fetched(&self, issuer: &Issuer, outcome: &'static str) {
        let source = match issuer {
            Issuer::At(_) | Issuer::Discovered(_) => "issuer",
            Issuer::Cluster => "cluster",
        };
        self.fetches.get_or_create(&FetchLabels { source, outcome }).inc();
    }

    pub(super) fn secret_read(&self, outcome: &'static str) {
        self.secrets.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// When the oldest keys that are served were fetched.
    pub(super) fn oldest(&self, at: Option<Instant>) {
        *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

/// Read when scraped: an age grows by itself.
#[derive(Debug)]
struct Age(Arc<Mutex<Option<Instant>>>);

impl Collector for Age {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let fetched = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = fetched.map_or(0.0, |at| at.elapsed().as_secs_f64());
        let help = "How long ago the oldest of the issuers' keys were fetched; 0: there are none";
        let unit = prometheus_client::registry::Unit::Seconds;
        let metric = encoder.encode_descriptor("oldest_keys_age", help, Some(&unit), MetricType::Gauge)?;
        ConstGauge::new(age).encode(metric)
    }
}
