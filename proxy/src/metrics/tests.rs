//! What the scrape shows.

use super::*;

#[test]
fn a_route_has_series_from_its_first_request_until_it_is_gone() {
    let metrics = Metrics::new();
    let route = metrics.route("shop", "orders");
    assert!(!metrics.text(0.0).contains("shop"), "an unused route costs no series");
    route.in_flight().inc();
    route.answered(("GET", "2xx", "none"), Duration::from_millis(7));
    let text = metrics.text(0.0);
    let labels = r#"namespace="shop",name="orders",method="GET",code="2xx",cause="none""#;
    assert!(text.contains(&format!("lambdaroute_proxy_requests_total{{{labels}}} 1")), "{text}");
    let bucket =
        r#"lambdaroute_proxy_request_duration_seconds_bucket{le="0.01",namespace="shop",name="orders",code="2xx"} 1"#;
    assert!(text.contains(bucket), "{text}");
    assert!(text.contains(r#"lambdaroute_proxy_requests_in_flight{namespace="shop",name="orders"} 1"#), "{text}");
    drop(route);
    assert!(!metrics.text(0.0).contains("shop"), "{}", metrics.text(0.0));
}

#[test]
fn a_new_version_of_a_route_counts_on() {
    let metrics = Metrics::new();
    let old = metrics.route("shop", "orders");
    old.answered(("GET", "2xx", "none"), Duration::ZERO);
    let new = metrics.route("shop", "orders");
    drop(old);
    new.answered(("GET", "2xx", "none"), Duration::ZERO);
    assert!(metrics.text(0.0).contains(r#"cause="none"} 2"#));
}

#[test]
fn the_text_is_openmetrics() {
    let metrics = Metrics::new();
    metrics.upstream_error("lambda_throttled");
    metrics.set_routes(3, 1, 0);
    let text = metrics.text(1234.5);
    for line in [
        "# TYPE lambdaroute_proxy_upstream_errors counter",
        r#"lambdaroute_proxy_upstream_errors_total{cause="lambda_throttled"} 1"#,
        r#"lambdaroute_proxy_table_routes{state="serving"} 3"#,
        "lambdaroute_proxy_credentials_expiry_timestamp_seconds 1234.5",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}
