//! All or nothing, also at the same time.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;

use super::*;
use crate::limit::gcra::Rate;
use crate::limit::share;
use crate::limit::subject::Recognised;

const SECOND: u64 = 1_000_000_000;

fn limit(name: &str, requests: u64, keys: Vec<Key>) -> RateLimit {
    let total = Total { requests, interval_ms: 60_000, burst: requests };
    let most = (!keys.is_empty()).then_some(100);
    let buckets = Arc::new(Buckets::new(share::rate(total, None), most));
    RateLimit { name: name.into(), quoted: told::quoted(name), total, keys, buckets }
}

fn limits(rates: Vec<RateLimit>, in_flight: Option<u32>) -> RouteLimits {
    RouteLimits::new(
        Clock::since(Instant::now()),
        RandomState::new(),
        rates,
        in_flight.map(|most| Arc::new(InFlight::new(most))),
    )
}

struct Caller<'a>(&'a str);

impl Recognised for Caller<'_> {
    fn method(&self) -> &[u8] {
        b"keys"
    }

    fn name(&self) -> &str {
        self.0
    }

    fn claim(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fn subject<'a>(caller: &'a Caller<'a>, headers: &'a HeaderMap) -> Subject<'a> {
    Subject { address: [192, 0, 2, 1].into(), headers, caller: Some(caller) }
}

fn admit(limits: &RouteLimits, consumer: &str) -> Admission {
    limits.admit(&subject(&Caller(consumer), &HeaderMap::new()), SECOND)
}

/// As words: what, and what the caller is told.
fn words(admission: &Admission) -> String {
    let text = |told: &Told| told.as_ref().map_or("", |told| told.to_str().unwrap()).to_owned();
    match admission {
        Admission::Admitted(_, told) => format!("admitted {}", text(told)),
        Admission::RateLimited(name, after, told) => format!("limited by {name}, {after} s: {}", text(told)),
        Admission::ConcurrencyLimited(told) => format!("too many: {}", text(told)),
    }
}

#[test]
fn a_request_that_one_limit_refuses_takes_from_none() {
    let limits = limits(vec![limit("all", 5, vec![]), limit("each", 2, vec![Key::Consumer])], None);
    assert_eq!(limits.policy().unwrap(), "\"all\";q=5;w=60, \"each\";q=2;w=60");
    assert_eq!(words(&admit(&limits, "a")), "admitted \"all\";r=4;t=12, \"each\";r=1;t=30");
    assert_eq!(words(&admit(&limits, "a")), "admitted \"all\";r=3;t=24, \"each\";r=0;t=30");
    for _ in 0..10 {
        assert_eq!(words(&admit(&limits, "a")), "limited by \"each\", 30 s: \"all\";r=3;t=24, \"each\";r=0;t=30");
    }
    assert_eq!(words(&admit(&limits, "b")), "admitted \"all\";r=2;t=36, \"each\";r=1;t=30");
    assert_eq!(limits.rates[1].buckets.refused(), 10);
    assert_eq!(limits.rates[0].buckets.refused(), 0);
}

#[test]
fn retry_after_is_the_longest_wait_of_those_that_refuse() {
    let limits = limits(vec![limit("a", 1, vec![]), limit("b", 2, vec![]), limit("c", 1, vec![])], None);
    admit(&limits, "x");
    assert!(words(&admit(&limits, "x")).starts_with("limited by \"a\", 60 s: "));
}

#[test]
fn what_is_refused_for_requests_in_flight_takes_from_no_rate() {
    let limits = limits(vec![limit("all", 3, vec![])], Some(1));
    let first = admit(&limits, "x");
    assert!(matches!(first, Admission::Admitted(Some(_), _)));
    for _ in 0..10 {
        assert_eq!(words(&admit(&limits, "x")), "too many: \"all\";r=2;t=20");
    }
    drop(first);
    assert_eq!(words(&admit(&limits, "x")), "admitted \"all\";r=1;t=40");
}

#[test]
fn what_a_rate_refuses_keeps_no_permit() {
    let limits = limits(vec![limit("all", 1, vec![])], Some(1));
    drop(admit(&limits, "x"));
    assert!(words(&admit(&limits, "x")).starts_with("limited"));
    let in_flight = limits.in_flight.as_ref().unwrap();
    assert!(in_flight.admit().is_some());
}

#[test]
fn a_look_takes_nothing_and_tells_what_is_known_without_the_caller() {
    let headers = HeaderMap::new();
    let limits = limits(
        vec![limit("all", 5, vec![]), limit("each", 2, vec![Key::Consumer]), limit("near", 3, vec![Key::SourceIp])],
        None,
    );
    for _ in 0..3 {
        assert_eq!(limits.look(&subject(&Caller("x"), &headers), SECOND).unwrap(), "\"all\";r=5, \"near\";r=3");
    }
    admit(&limits, "x");
    assert_eq!(limits.look(&subject(&Caller("x"), &headers), SECOND).unwrap(), "\"all\";r=4;t=12, \"near\";r=2;t=20");
}

#[test]
fn at_the_same_time_from_many_threads_it_is_still_all_or_nothing() {
    // Two versions of a route share the buckets, and name them in another order.
    let all = limit("all", 1_000, vec![]);
    let each = limit("each", 300, vec![Key::Consumer]);
    let again = |limit: &RateLimit| RateLimit {
        name: limit.name.clone(),
        quoted: limit.quoted.clone(),
        keys: limit.keys.clone(),
        buckets: limit.buckets.clone(),
        total: limit.total,
    };
    let versions = [limits(vec![again(&all), again(&each)], None), limits(vec![again(&each), again(&all)], None)];
    let admitted: [AtomicUsize; 5] = Default::default();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (versions, admitted) = (&versions, &admitted);
            scope.spawn(move || {
                for n in 0..2_000 {
                    let consumer = (n + thread) % 5;
                    if matches!(admit(&versions[n % 2], &consumer.to_string()), Admission::Admitted(..)) {
                        admitted[consumer].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let admitted = admitted.map(AtomicUsize::into_inner);
    assert_eq!(admitted.iter().sum::<usize>(), 1_000, "{admitted:?}");
    assert!(admitted.iter().all(|count| *count <= 300), "{admitted:?}");
    // Exactly what was admitted is consumed: a refused request took from no consumer's bucket.
    for (consumer, admitted) in admitted.into_iter().enumerate() {
        let (name, headers) = (consumer.to_string(), HeaderMap::new());
        let key = versions[0].key(&versions[0].rates[1], &subject(&Caller(&name), &headers));
        let other = versions[1].key(&versions[1].rates[1], &subject(&Caller(&name), &headers));
        let left = |key| 300 - each.buckets.open(key, SECOND).standing(SECOND).full_in / (SECOND / 5);
        let taken = (300 - left(key)) + (300 - left(other));
        assert_eq!(taken, admitted as u64);
    }
}

#[test]
fn another_rate_is_told_from_the_next_request_on() {
    let limits = limits(vec![limit("all", 10, vec![])], None);
    admit(&limits, "x");
    limits.rates[0].buckets.set_rate(SECOND, Rate::new(5_000, 60_000, 5_000));
    assert_eq!(words(&admit(&limits, "x")), "admitted \"all\";r=6;t=24", "a half of the total: 2 of 5 are taken");
}

#[test]
fn what_a_rate_refuses_takes_no_permit_for_a_moment() {
    let limits = limits(vec![limit("all", 1, vec![])], Some(1));
    assert!(words(&admit(&limits, "a")).starts_with("admitted"));
    // The permit is free again, the rate used up; others hold the lock's place between looking and taking.
    let in_flight = limits.in_flight.clone().unwrap();
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            for _ in 0..20_000 {
                assert!(matches!(admit(&limits, "a"), Admission::RateLimited(..)));
            }
        });
        while !flood.is_finished() {
            assert!(in_flight.admit().is_some(), "a refused request holds the permit");
        }
    });
}
