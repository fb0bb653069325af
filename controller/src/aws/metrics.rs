//! How many calls to AWS, with which outcome, how long they took, and how they stand with AWS's limits.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::AwsError;
use super::limiter::Limiters;
use super::rate::Budget;
use crate::priority::Priority;

mod levels;

use levels::Levels;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BudgetLabels {
    budget: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    budget: &'static str,
    priority: &'static str,
}

/// `aws_api_calls_total{operation,code}`, `aws_api_call_duration_seconds{operation}`, `aws_api_throttles_total{budget}`,
/// `aws_api_queue_wait_seconds{budget,priority}`, `resource_policy_bytes`,
/// and what [`Levels`] shows.
#[derive(Clone)]
pub(super) struct AwsMetrics {
    calls: Family<CallLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
    throttles: Family<BudgetLabels, Counter>,
    waits: Family<WaitLabels, Histogram, fn() -> Histogram>,
    policies: Histogram,
}

fn buckets() -> Histogram {
    Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0])
}

fn wait_buckets() -> Histogram {
    Histogram::new([0.001, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0])
}

impl AwsMetrics {
    /// In a registry.
    pub(super) fn register(registry: &mut Registry, limiters: Arc<Limiters>) -> Self {
        let metrics = Self {
            calls: Family::default(),
            durations: Family::new_with_constructor(buckets as fn() -> Histogram),
            throttles: Family::default(),
            waits: Family::new_with_constructor(wait_buckets as fn() -> Histogram),
            policies: Histogram::new([1024.0, 2048.0, 4096.0, 8192.0, 12_288.0, 16_384.0, 18_432.0, 20_480.0]),
        };
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
        registry.register(
            "aws_api_throttles",
            "Calls that AWS throttled, by the limit that they count against",
            metrics.throttles.clone(),
        );
        registry.register_with_unit(
            "aws_api_queue_wait",
            "How long calls waited for room in AWS's limits (--aws-rate), also those that gave up",
            Unit::Seconds,
            metrics.waits.clone(),
        );
        registry.register_with_unit(
            "resource_policy",
            "Sizes of functions' policies, each time that one is read; AWS's limit is 20,480",
            Unit::Bytes,
            metrics.policies.clone(),
        );
        registry.register_collector(Box::new(Levels(limiters)));
        // Shown before the first: an alert on a rise needs the 0.
        for budget in Budget::ALL {
            let _ = metrics.throttles.get_or_create(&BudgetLabels { budget: budget.as_str() });
        }
        metrics
    }

    pub(super) fn policy_read(&self, bytes: usize) {
        self.policies.observe(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)));
    }

    pub(super) fn throttled(&self, budget: Budget) {
        self.throttles.get_or_create(&BudgetLabels { budget: budget.as_str() }).inc();
    }

    pub(super) fn waited(&self, budget: Budget, priority: Priority, waited: Duration) {
        let labels = WaitLabels { budget: budget.as_str(), priority: priority.as_str() };
        self.waits.get_or_create(&labels).observe(waited.as_secs_f64());
    }

    pub(super) fn count(&self, operation: &'static str, error: Option<&AwsError>, took: Duration) {
        let code = error.map_or("OK", AwsError::label).to_owned();
        self.calls.get_or_create(&CallLabels { operation, code }).inc();
        self.durations.get_or_create(&DurationLabels { operation }).observe(took.as_secs_f64());
    }
}
