//! What the scrape shows.

use std::sync::Arc;
use std::time::Duration;

use lambdaroute_proxy_config::cause::Cause;

use super::*;
use crate::limit::registry::Limits;

fn text(metrics: &Metrics) -> String {
    metrics.text(&LookedUp::default())
}

fn answer(route: &RouteMetrics, code: CodeClass, cause: Option<Cause>) {
    route.begun();
    let upstream = cause.is_none().then_some(Duration::from_millis(6));
    let answered = Answered { method: MethodLabel::Get, code, cause, total: Duration::from_millis(7), upstream };
    route.answered(&answered);
}

#[test]
fn a_route_has_series_from_its_first_request_until_it_is_gone() {
    let metrics = Metrics::new();
    let route = metrics.route("shop", "orders");
    assert!(!text(&metrics).contains("shop"), "an unused route costs no series");
    route.begun();
    answer(&route, CodeClass::Success, None);
    let shown = text(&metrics);
    for line in [
        r#"lambdaroute_proxy_requests_total{namespace="shop",name="orders",method="GET",code="2xx",cause="none"} 1"#,
        r#"lambdaroute_proxy_request_duration_seconds_bucket{le="0.005",namespace="shop",name="orders",code="2xx"} 0"#,
        r#"lambdaroute_proxy_request_duration_seconds_bucket{le="0.01",namespace="shop",name="orders",code="2xx"} 1"#,
        r#"lambdaroute_proxy_request_duration_seconds_bucket{le="+Inf",namespace="shop",name="orders",code="2xx"} 1"#,
        r#"lambdaroute_proxy_request_duration_seconds_sum{namespace="shop",name="orders",code="2xx"} 0.007"#,
        r#"lambdaroute_proxy_upstream_duration_seconds_count{namespace="shop",name="orders",code="2xx"} 1"#,
        r#"lambdaroute_proxy_requests_in_flight{namespace="shop",name="orders"} 1"#,
    ] {
        assert!(shown.contains(line), "{line} is not in {shown}");
    }
    drop(route);
    assert!(!text(&metrics).contains("shop"), "{}", text(&metrics));
}

#[test]
fn causes_are_counted_apart_and_what_never_happened_is_not_told() {
    let metrics = Metrics::new();
    let route = metrics.route("shop", "orders");
    answer(&route, CodeClass::ClientError, Some(Cause::RateLimited));
    answer(&route, CodeClass::ClientError, Some(Cause::RateLimited));
    answer(&route, CodeClass::Success, Some(Cause::UpstreamReset));
    let shown = text(&metrics);
    assert!(shown.contains(r#"code="4xx",cause="rate_limited"} 2"#), "{shown}");
    assert!(shown.contains(r#"code="2xx",cause="upstream_reset"} 1"#), "{shown}");
    assert_eq!(shown.matches("lambdaroute_proxy_requests_total{").count(), 2, "{shown}");
    assert!(!shown.contains("upstream_duration_seconds_count"), "{shown}");
}

#[test]
fn a_new_version_of_a_route_counts_on() {
    let metrics = Metrics::new();
    let old = metrics.route("shop", "orders");
    answer(&old, CodeClass::Success, None);
    let new = metrics.route("shop", "orders");
    drop(old);
    answer(&new, CodeClass::Success, None);
    assert!(text(&metrics).contains(r#"cause="none"} 2"#));
}

#[test]
fn a_limit_is_told_from_its_first_refusal() {
    use lambdaroute_proxy_config::v1alpha1::{RateLimit, Route};
    let limit = RateLimit { name: "all".to_owned(), requests: 1, interval_ms: 3_600_000, burst: 1, keys: vec![] };
    let route = Route { rate_limits: vec![limit], ..Route::default() };
    let now = std::time::Instant::now();
    let limits = Limits::new(10).of_route(&"a".into(), &route, now).unwrap().unwrap();
    let metrics = Metrics::new();
    let shown = metrics.route("shop", "orders");
    shown.set_limits(limits.counts());
    answer(&shown, CodeClass::Success, None);
    let admit = || {
        let headers = http::HeaderMap::new();
        let subject =
            crate::limit::subject::Subject { address: [192, 0, 2, 1].into(), headers: &headers, caller: None };
        limits.admit(&subject, limits.time(now));
    };
    admit();
    assert!(!text(&metrics).contains("rate_limited_total"));
    admit();
    let line = r#"lambdaroute_proxy_rate_limited_total{namespace="shop",name="orders",limit="all"} 1"#;
    assert!(text(&metrics).contains(line), "{}", text(&metrics));
}

#[test]
fn many_threads_lose_no_count() {
    let metrics = Metrics::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let route: Arc<RouteMetrics> = metrics.route("shop", "orders");
            scope.spawn(move || (0..1000).for_each(|_| answer(&route, CodeClass::Success, None)));
        }
        // A scrape in between must not hold anybody up, nor drop a series.
        let _keeps = metrics.route("shop", "orders");
        text(&metrics);
    });
    let route = metrics.route("shop", "orders");
    assert_eq!(route.in_flight(), 0);
}

#[test]
fn the_text_is_openmetrics() {
    let metrics = Metrics::new();
    metrics.upstream_error(Cause::LambdaThrottled);
    metrics.set_routes(3, 1, 0);
    let text = metrics.text(&LookedUp { credentials_expiry: 1234.5, table_age: 7.0, body_memory: 9 });
    for line in [
        "# TYPE lambdaroute_proxy_upstream_errors counter",
        "# TYPE lambdaroute_proxy_requests counter",
        "# TYPE lambdaroute_proxy_request_duration_seconds histogram",
        r#"lambdaroute_proxy_upstream_errors_total{cause="lambda_throttled"} 1"#,
        r#"lambdaroute_proxy_table_routes{state="serving"} 3"#,
        "lambdaroute_proxy_credentials_expiry_timestamp_seconds 1234.5",
        "lambdaroute_proxy_table_age_seconds 7.0",
        "lambdaroute_proxy_body_memory_bytes 9",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}
