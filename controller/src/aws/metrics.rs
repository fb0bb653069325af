//! How many calls to AWS, with which outcome, and how long they took.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::AwsError;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    operation: &'static str,
}

/// `aws_api_calls_total{operation,code}` and `aws_api_call_duration_seconds{operation}`.
#[derive(Clone)]
pub struct AwsMetrics {
    calls: Family<CallLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
}

fn buckets() -> Histogram {
    Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0])
}

impl AwsMetrics {
    /// In a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics =
            Self { calls: Family::default(), durations: Family::new_with_constructor(buckets as fn() -> Histogram) };
        registry.register(
            "aws_api_calls",
            "Calls to AWS, by operation and AWS's code (OK: it succeeded)",
            metrics.calls.clone(),
        );
        registry.register_with_unit(
            "aws_api_call_duration",
            "How long calls to AWS took",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        metrics
    }

    pub(super) fn count(&self, operation: &'static str, error: Option<&AwsError>, took: Duration) {
        let code = error.map_or("OK", AwsError::label).to_owned();
        self.calls.get_or_create(&CallLabels { operation, code }).inc();
        self.durations.get_or_create(&DurationLabels { operation }).observe(took.as_secs_f64());
    }
}
