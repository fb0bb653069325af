//! How the budgets stand, read when scraped.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::aws::limiter::{Level, Limiters};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    region: String,
    budget: &'static str,
}

/// `aws_api_queue_length`, `aws_api_budget_left` and `aws_api_rate`, by `region` and `budget`.
#[derive(Debug)]
pub(super) struct Levels(pub(super) Arc<Limiters>);

type Column = (&'static str, &'static str, fn(&Level) -> f64);

const COLUMNS: [Column; 3] = [
    ("aws_api_queue_length", "Calls that wait for room in AWS's limits", |level| count(level.waiting)),
    ("aws_api_budget_left", "Calls that could begin at once", |level| f64::from(level.left)),
    ("aws_api_rate", "Requests a second that are made at most: --aws-rate, or less after a throttle", |level| {
        level.rate
    }),
];

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

impl Collector for Levels {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let levels = self.0.levels();
        for (name, help, value) in COLUMNS {
            let family: Family<Labels, Gauge<f64, AtomicU64>> = Family::default();
            for level in &levels {
                // One process, one account.
                let labels = Labels { region: level.place.region.clone(), budget: level.budget.as_str() };
                family.get_or_create(&labels).set(value(level));
            }
            family.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}
