//! What is consumed outlives versions and shares.

use http::HeaderMap;
use lambdaroute_proxy_config::v1alpha1::{
    Concurrency, ConcurrencyShare, ConsumerKey, LimitKey, RateLimit as Limit, limit_key,
};

use super::*;
use crate::limit::admission::Admission;
use crate::limit::subject::Subject;

fn route(limits: &[(&str, u64)], concurrency: Option<u32>) -> Route {
    let limit = |&(name, requests): &(&str, u64)| Limit {
        name: name.to_owned(),
        requests,
        interval_ms: 3_600_000,
        burst: requests,
        keys: vec![],
    };
    let concurrency = concurrency.map(|max| Concurrency { max });
    Route { rate_limits: limits.iter().map(limit).collect(), concurrency, ..Route::default() }
}

fn rate_share(route_id: &str, limit: &str, requests: u64) -> LimitShare {
    let rate = RateShare { millirequests: requests * 1000, burst_millirequests: requests * 1000 };
    LimitShare { route_id: route_id.to_owned(), limit: limit.to_owned(), share: Some(Share::Rate(rate)) }
}

fn concurrency_share(route_id: &str, max: u32) -> LimitShare {
    let share = Some(Share::Concurrency(ConcurrencyShare { max }));
    LimitShare { route_id: route_id.to_owned(), limit: String::new(), share }
}

struct World {
    limits: Limits,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::now();
        World { limits: Limits::new(100), now }
    }

    fn route(&self, id: &str, route: &Route) -> RouteLimits {
        self.limits.of_route(&id.into(), route, self.now).unwrap().unwrap()
    }

    fn set(&self, share: LimitShare) {
        self.limits.set_share(ShareStep::Set(share), self.now);
    }

    /// What is admitted of so many requests at one time, with their permits.
    fn admit(&self, limits: &RouteLimits, count: usize) -> Vec<Admission> {
        let headers = HeaderMap::new();
        let subject = Subject { address: [192, 0, 2, 1].into(), headers: &headers, caller: None };
        let admit = |_| limits.admit(&subject, limits.time(self.now));
        (0..count).map(admit).filter(|admission| matches!(admission, Admission::Admitted(..))).collect()
    }
}

#[test]
fn a_route_without_limits_has_none() {
    let world = World::new();
    assert!(world.limits.of_route(&"a".into(), &route(&[], None), world.now).unwrap().is_none());
}

#[test]
fn a_new_version_of_a_route_goes_on_where_the_old_one_was() {
    let world = World::new();
    let old = world.route("a", &route(&[("all", 10)], None));
    assert_eq!(world.admit(&old, 100).len(), 10);
    let new = world.route("a", &route(&[("all", 14)], None));
    drop(old);
    assert_eq!(world.admit(&new, 100).len(), 4);
    let other = world.route("b", &route(&[("all", 10)], None));
    assert_eq!(world.admit(&other, 100).len(), 10, "another route has nothing to do with it");
}

#[test]
fn a_share_holds_whether_it_comes_before_the_route_or_after_it() {
    let world = World::new();
    world.set(rate_share("a", "all", 3));
    let limits = world.route("a", &route(&[("all", 10), ("more", 100)], None));
    assert_eq!(world.admit(&limits, 100).len(), 3);
    world.set(rate_share("a", "all", 5));
    assert_eq!(world.admit(&limits, 100).len(), 2);
    world.set(rate_share("a", "all", 0));
    assert_eq!(world.admit(&limits, 100).len(), 0);
    world.limits.set_share(ShareStep::Remove(rate_share("a", "all", 0)), world.now);
    assert_eq!(world.admit(&limits, 100).len(), 5, "the total holds again");
    assert!(world.limits.lock().shares.is_empty());
}

#[test]
fn requests_in_flight_are_counted_over_versions_and_shares() {
    let world = World::new();
    let old = world.route("a", &route(&[], Some(3)));
    let held = world.admit(&old, 100);
    assert_eq!(held.len(), 3);
    let new = world.route("a", &route(&[], Some(4)));
    drop(old);
    assert_eq!(world.admit(&new, 100).len(), 1);
    world.set(concurrency_share("a", 0));
    drop(held);
    assert_eq!(world.admit(&new, 100).len(), 0);
    world.set(concurrency_share("a", 1));
    assert_eq!(world.admit(&new, 100).len(), 1);
}

#[test]
fn a_limit_with_other_keys_is_another_limit() {
    let world = World::new();
    let mut version = route(&[("all", 10)], None);
    let old = world.route("a", &version);
    assert_eq!(world.admit(&old, 100).len(), 10);
    version.rate_limits[0].keys = vec![LimitKey { key: Some(limit_key::Key::Consumer(ConsumerKey {})) }];
    let new = world.route("a", &version);
    assert_eq!(world.admit(&new, 100).len(), 10);
}

#[test]
fn a_key_that_is_none_is_refused() {
    let world = World::new();
    let mut version = route(&[("all", 10)], None);
    for key in [None, Some(limit_key::Key::Header("not a name".to_owned()))] {
        version.rate_limits[0].keys = vec![LimitKey { key }];
        let refused = world.limits.of_route(&"a".into(), &version, world.now).err().unwrap();
        assert!(refused.to_string().contains("\"all\""), "{refused}");
    }
}

#[test]
fn two_limits_of_one_name_are_refused() {
    let world = World::new();
    let refused = world.limits.of_route(&"a".into(), &route(&[("all", 10), ("b", 1), ("all", 5)], None), world.now);
    assert_eq!(refused.err().unwrap().to_string(), "two rate limits have the name \"all\"");
}

#[test]
fn routes_that_are_gone_are_forgotten() {
    let world = World::new();
    for n in 0..1000 {
        world.route(&n.to_string(), &route(&[("all", 10)], None));
    }
    assert!(world.limits.lock().states.len() < 100);
}
