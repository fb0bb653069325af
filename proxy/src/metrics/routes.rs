//! The series of all routes, as a scrape tells them. A route has none before its first request, and none once it is gone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::metrics::histogram::Durations;
use crate::metrics::label::{self, CodeClass};
use crate::metrics::route::RouteMetrics;

/// Namespace and name.
type Key = (Arc<str>, Arc<str>);

/// See the module. Locked when the table changes and by scrapes, never by a request.
#[derive(Clone, Default)]
pub(crate) struct Routes(Arc<Mutex<BTreeMap<Key, Weak<RouteMetrics>>>>);

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Routes")
    }
}

impl Routes {
    /// The metrics of one route: those of its version before, if that still serves.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Arc<RouteMetrics> {
        let key: Key = (namespace.into(), name.into());
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = routes.get(&key).and_then(Weak::upgrade) {
            return metrics;
        }
        let metrics = Arc::new(RouteMetrics::new(key.0.clone(), key.1.clone()));
        routes.insert(key, Arc::downgrade(&metrics));
        metrics
    }

    fn touched(&self) -> Vec<Arc<RouteMetrics>> {
        let mut routes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, route| route.strong_count() > 0);
        routes.values().filter_map(Weak::upgrade).filter(|route| route.is_touched()).collect()
    }
}

impl Collector for Routes {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let routes = self.touched();
        let help = "Requests answered, by route, method, code class and cause";
        let mut metric = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
        for route in &routes {
            let mut failed = Ok(());
            route.requests(|method, code, cause, count| {
                let labels = [
                    ("namespace", &*route.namespace),
                    ("name", &*route.name),
                    ("method", method.as_str()),
                    ("code", code.as_str()),
                    ("cause", label::cause(cause)),
                ];
                failed = failed.and_then(|()| counter(&mut metric, &labels, count));
            });
            failed?;
        }
        let help = "Time from a request's headers to the end of its answer";
        let metric =
            encoder.encode_descriptor("request_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        histograms(metric, &routes, RouteMetrics::totals)?;
        let help = "Time from sending a request to the function URL to the headers of its answer";
        let metric =
            encoder.encode_descriptor("upstream_duration", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        histograms(metric, &routes, RouteMetrics::upstream)?;
        let help = "Requests not yet answered to the end";
        let mut metric = encoder.encode_descriptor("requests_in_flight", help, None, MetricType::Gauge)?;
        for route in &routes {
            let labels = [("namespace", &*route.namespace), ("name", &*route.name)];
            metric.encode_family(&labels)?.encode_gauge(&route.in_flight())?;
        }
        let help =
            "Requests that a rate limit had no room for, by route and limit. One request may be refused by several";
        let mut metric = encoder.encode_descriptor("rate_limited", help, None, MetricType::Counter)?;
        for route in &routes {
            for (limit, refused) in route.limit_refusals() {
                let labels = [("namespace", &*route.namespace), ("name", &*route.name), ("limit", &*limit)];
                counter(&mut metric, &labels, refused)?;
            }
        }
        Ok(())
    }
}

fn counter<const N: usize>(metric: &mut MetricEncoder<'_>, labels: &[(&str, &str); N], count: u64) -> fmt::Result {
    metric.encode_family(labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None)
}

fn histograms<'a, I: Iterator<Item = (CodeClass, &'a Durations)>>(
    mut metric: MetricEncoder<'_>,
    routes: &'a [Arc<RouteMetrics>],
    of: impl Fn(&'a RouteMetrics) -> I,
) -> fmt::Result {
    for route in routes {
        for (code, durations) in of(route) {
            let labels = [("namespace", &*route.namespace), ("name", &*route.name), ("code", code.as_str())];
            let observed = durations.observed();
            let mut metric = metric.encode_family(&labels)?;
            metric.encode_histogram::<NoLabelSet>(observed.sum, observed.count, &observed.buckets, None)?;
        }
    }
    Ok(())
}
