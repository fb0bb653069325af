//! Refusals and headers.

use std::time::Instant;

use lambdaroute_proxy_config::v1alpha1::{Concurrency, RateLimit, Route};

use super::*;
use crate::limit::registry::Limits;

fn limits(limits: &[&str], concurrency: Option<u32>) -> RouteLimits {
    let limit =
        |name: &&str| RateLimit { name: (*name).to_owned(), requests: 5, interval_ms: 60_000, burst: 5, keys: vec![] };
    let concurrency = concurrency.map(|max| Concurrency { max });
    let route = Route { rate_limits: limits.iter().map(limit).collect(), concurrency, ..Route::default() };
    Limits::new(10).of_route(&"a".into(), &route, Instant::now()).unwrap().unwrap()
}

#[test]
fn a_used_up_limit_is_429_with_retry_after() {
    let told = HeaderValue::from_static("\"all\";r=0;t=12");
    let (verdict, said) = Admission::RateLimited("\"all\"".to_owned(), 12, Some(told.clone())).verdict();
    let refused = verdict.err().unwrap();
    assert_eq!((refused.cause, refused.retry_after.unwrap()), (Cause::RateLimited, HeaderValue::from(12)));
    assert!(refused.detail.contains("\"all\""), "{}", refused.detail);
    assert_eq!(said, Some(told));
}

#[test]
fn too_many_in_flight_is_503() {
    let (verdict, _) = Admission::ConcurrencyLimited(None).verdict();
    assert_eq!(verdict.err().unwrap().cause, Cause::ConcurrencyLimited);
}

#[test]
fn what_the_function_says_of_limits_is_replaced() {
    let mut headers = HeaderMap::new();
    for name in ["ratelimit", "ratelimit", "ratelimit-policy", "ratelimit-policy"] {
        headers.append(name, HeaderValue::from_static("theirs"));
    }
    let of_requests_in_flight = limits(&[], Some(1));
    of_requests_in_flight.tell(&mut headers, None);
    assert_eq!(headers.get_all("ratelimit").iter().count(), 2, "a route without rate limits says nothing of them");
    let limits = limits(&["all"], None);
    limits.tell(&mut headers, Some(HeaderValue::from_static("ours")));
    let of = |headers: &HeaderMap, name| {
        headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&headers, "ratelimit"), ["ours"]);
    assert_eq!(of(&headers, "ratelimit-policy"), ["\"all\";q=5;w=60"]);
    limits.tell(&mut headers, None);
    assert_eq!(of(&headers, "ratelimit"), [""; 0]);
}
