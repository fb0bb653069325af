//! Totals divided.

use lambdaroute_proxy_config::v1alpha1::Concurrency;
use proptest::prelude::*;

use super::*;

fn limited(requests: u64, burst: u64, max: u32) -> Route {
    let limit = RateLimit { name: "everyone".to_owned(), requests, interval_ms: 1000, burst, keys: vec![] };
    Route { rate_limits: vec![limit], concurrency: Some(Concurrency { max }), ..Route::default() }
}

/// Millirequests, burst and requests in flight of each proxy.
fn divided(route: &Route, proxies: usize) -> Vec<(u64, u64, u32)> {
    let one = |index| {
        let shares = of("uid", route, proxies, index);
        let [Some(Share::Rate(rate)), Some(Share::Concurrency(concurrency))] = [&shares[0].share, &shares[1].share]
        else {
            panic!("{shares:?}")
        };
        (rate.millirequests, rate.burst_millirequests, concurrency.max)
    };
    (0..proxies).map(one).collect()
}

#[test]
fn three_in_flight_over_four_proxies_are_1_1_1_0() {
    let shares: Vec<_> = divided(&limited(100, 200, 3), 4).into_iter().map(|share| share.2).collect();
    assert_eq!(shares, [1, 1, 1, 0]);
}

#[test]
fn a_burst_is_divided_in_whole_requests_and_a_rate_in_thousandths() {
    let shares: Vec<_> = divided(&limited(10, 10, 1), 4).into_iter().map(|share| (share.0, share.1)).collect();
    assert_eq!(shares, [(2500, 3000), (2500, 3000), (2500, 2000), (2500, 2000)]);
    let thirds: Vec<_> = divided(&limited(10, 10, 1), 3).into_iter().map(|share| share.0).collect();
    assert_eq!(thirds, [3334, 3333, 3333]);
}

#[test]
fn who_has_nothing_of_a_small_burst_has_nothing_of_its_rate() {
    let shares: Vec<_> = divided(&limited(5, 2, 1), 4).into_iter().map(|share| (share.0, share.1)).collect();
    assert_eq!(shares, [(2500, 1000), (2500, 1000), (0, 0), (0, 0)]);
}

#[test]
fn a_lone_proxy_has_it_all_and_one_that_isnt_reached_nothing() {
    assert_eq!(divided(&limited(7, 9, 5), 1), [(7000, 9000, 5)]);
    let nothing = nothing("uid", &limited(7, 9, 5));
    assert_eq!(nothing.len(), 2);
    let none = Some(Share::Rate(RateShare { millirequests: 0, burst_millirequests: 0 }));
    assert_eq!((&nothing[0].share, nothing[0].limit.as_str()), (&none, "everyone"));
    assert_eq!(
        (nothing[1].share, nothing[1].limit.as_str()),
        (Some(Share::Concurrency(ConcurrencyShare { max: 0 })), "")
    );
}

#[test]
fn a_route_lives_on_as_many_proxies_as_its_smallest_total_allows() {
    assert_eq!(most_proxies(&limited(100, 200, 3)), 3);
    assert_eq!(most_proxies(&limited(100, 2, 50)), 2);
    assert_eq!(most_proxies(&Route { concurrency: None, ..limited(100, 7, 1) }), 7);
    assert_eq!(most_proxies(&Route::default()), usize::MAX);
    assert_eq!(most_proxies(&limited(1, 1, 0)), 1, "it is refused elsewhere, and lives somewhere");
}

#[test]
fn a_share_is_known_by_its_route_and_limit() {
    let ids: Vec<_> = of("uid", &limited(1, 1, 1), 1, 0).iter().map(id).collect();
    assert_eq!(ids, ["uid/everyone", "uid/"]);
}

proptest! {
    #[test]
    fn shares_add_up_to_the_total_exactly(requests in 1..1_000_000_u64, burst in 1..1_000_000_u64, max in 0..100_000_u32, proxies in 1..40_usize) {
        let shares = divided(&limited(requests, burst, max), proxies);
        prop_assert_eq!(shares.iter().map(|share| share.0).sum::<u64>(), requests * 1000);
        prop_assert_eq!(shares.iter().map(|share| share.1).sum::<u64>(), burst * 1000);
        prop_assert_eq!(shares.iter().map(|share| share.2).sum::<u32>(), max);
        for (rate, burst, _) in shares {
            prop_assert!(burst % 1000 == 0 && (rate == 0) == (burst == 0));
        }
    }

    #[test]
    fn nobody_of_those_that_a_route_may_live_on_has_nothing(requests in 1..1_000_000_u64, burst in 1..50_u64, max in 1..50_u32, proxies in 1..40_usize) {
        let route = limited(requests, burst, max);
        let proxies = proxies.min(most_proxies(&route));
        for index in 0..proxies {
            prop_assert!(admit(&of("uid", &route, proxies, index)));
        }
        prop_assert!(!admit(&nothing("uid", &route)) && !admit(&[]));
    }
}
