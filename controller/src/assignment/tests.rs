//! Who is chosen, and how little moves when proxies come and go.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct Proxy {
    id: String,
    zone: String,
    node: String,
}

fn proxies(count: usize, zones: usize, nodes: usize) -> Vec<Proxy> {
    (0..count)
        .map(|i| Proxy { id: format!("pod-{i}"), zone: format!("z{}", i % zones), node: format!("n{}", i % nodes) })
        .collect()
}

fn chosen(route: &str, count: usize, proxies: &[Proxy]) -> BTreeSet<String> {
    let candidates: Vec<_> =
        proxies.iter().map(|p| Candidate { id: &p.id, key: key(&p.id), zone: &p.zone, node: &p.node }).collect();
    choose(key(route), count, &candidates).into_iter().cloned().collect()
}

#[test]
fn a_route_gets_all_proxies_when_there_are_few() {
    assert_eq!(chosen("orders", 4, &proxies(3, 1, 1)).len(), 3);
    assert_eq!(chosen("orders", 4, &[]).len(), 0);
}

#[test]
fn the_choice_is_the_same_in_every_release() {
    let four: Vec<_> = chosen("0b0f7f3e-6ae3-4b35-8f2c-4f4f8c0f6a11", 2, &proxies(6, 3, 6)).into_iter().collect();
    assert_eq!(four, ["pod-0", "pod-4"]);
}

#[test]
fn routes_are_spread_evenly() {
    let all = proxies(10, 1, 10);
    let mut load = std::collections::BTreeMap::new();
    for route in 0..2_000 {
        for proxy in chosen(&format!("route-{route}"), 4, &all) {
            *load.entry(proxy).or_insert(0) += 1;
        }
    }
    assert!(load.values().all(|&routes| (650..950).contains(&routes)), "{load:?}");
}

proptest! {
    #[test]
    fn every_zone_gets_one_before_any_gets_two(route in "[a-z]{1,12}", count in 1usize..6, zones in 1usize..5) {
        let all = proxies(12, zones, 12);
        let chosen = chosen(&route, count, &all);
        let mut per_zone = std::collections::BTreeMap::new();
        for proxy in all.iter().filter(|p| chosen.contains(&p.id)) {
            *per_zone.entry(&proxy.zone).or_insert(0usize) += 1;
        }
        let most = per_zone.values().max().copied().unwrap_or(0);
        prop_assert!(most <= count.div_ceil(zones));
    }

    #[test]
    fn a_proxy_that_goes_moves_only_the_routes_that_it_had(route in "[a-z]{1,12}", gone in 0usize..9, zones in 1usize..4) {
        let before = proxies(9, zones, 5);
        let mut after = before.clone();
        let gone = after.remove(gone);
        let (old, new) = (chosen(&route, 4, &before), chosen(&route, 4, &after));
        if old.contains(&gone.id) {
            prop_assert!(new.difference(&old).count() <= 2);
        } else {
            prop_assert_eq!(old, new);
        }
    }

    #[test]
    fn the_order_of_the_candidates_means_nothing(route in "[a-z]{1,12}", seed in 0usize..9) {
        let all = proxies(9, 3, 5);
        let mut turned = all.clone();
        turned.rotate_left(seed);
        prop_assert_eq!(chosen(&route, 4, &all), chosen(&route, 4, &turned));
    }
}
