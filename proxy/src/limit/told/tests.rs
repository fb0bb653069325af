//! The headers' words.

use super::*;
use crate::limit::gcra::{Rate, standing, take};
use crate::limit::share::rate;
use lambdaroute_proxy_config::v1alpha1::RateShare;

const SECOND: u64 = 1_000_000_000;
const TOTAL: Total = Total { requests: 100, interval_ms: 10_000, burst: 100 };

fn told(rate: Rate, taken: u32) -> String {
    let bucket = (0..taken).fold(0, |bucket, _| take(bucket, SECOND, rate).unwrap());
    let mut text = Text::default();
    add(&mut text, "\"everyone\"", TOTAL, &standing(bucket, SECOND, rate));
    text.value().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_policy_tells_the_total_and_its_interval() {
    let hourly = Total { requests: 5, interval_ms: 3_600_000, burst: 10 };
    let limits = [(quoted("everyone"), TOTAL), (quoted("hourly"), hourly)];
    let value = policy(limits.iter().map(|(name, total)| (name.as_str(), *total))).unwrap();
    assert_eq!(value, "\"everyone\";q=100;w=10, \"hourly\";q=5;w=3600");
    assert_eq!(policy(std::iter::empty()), None);
}

#[test]
fn what_is_left_and_when_it_is_whole_again() {
    let whole = rate(TOTAL, None);
    assert_eq!(told(whole, 0), "\"everyone\";r=100");
    assert_eq!(told(whole, 1), "\"everyone\";r=99;t=1");
    assert_eq!(told(whole, 40), "\"everyone\";r=60;t=4");
    assert_eq!(told(whole, 100), "\"everyone\";r=0;t=1", "the next passes in 0.1 s, which is within 1");
}

#[test]
fn nobody_is_told_a_share() {
    let quarter = rate(TOTAL, Some(RateShare { millirequests: 25_000, burst_millirequests: 25_000 }));
    assert_eq!(told(quarter, 0), "\"everyone\";r=100");
    assert_eq!(told(quarter, 5), "\"everyone\";r=80;t=2");
    assert_eq!(told(quarter, 25), "\"everyone\";r=0;t=1");
    let little = rate(TOTAL, Some(RateShare { millirequests: 100, burst_millirequests: 100 }));
    assert_eq!(told(little, 1), "\"everyone\";r=0;t=100");
    let nothing = rate(TOTAL, Some(RateShare { millirequests: 0, burst_millirequests: 0 }));
    assert_eq!(told(nothing, 0), "\"everyone\";r=0;t=1");
}

#[test]
fn as_long_as_a_request_passes_something_is_left() {
    let total = Total { requests: 1000, interval_ms: 1000, burst: 1 };
    let rate = rate(total, Some(RateShare { millirequests: 500_000, burst_millirequests: 2 }));
    assert_eq!(remaining(total, &standing(0, SECOND, rate)), 1);
}

#[test]
fn no_more_is_left_than_the_quota() {
    let total = Total { requests: 10, interval_ms: 1000, burst: 500 };
    assert_eq!(remaining(total, &standing(0, SECOND, rate(total, None))), 10);
}

#[test]
fn a_name_is_a_structured_fields_string() {
    assert_eq!(quoted("per-tenant"), "\"per-tenant\"");
    assert_eq!(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    assert_eq!(quoted("größe\r\n"), "\"gr??e??\"");
}
