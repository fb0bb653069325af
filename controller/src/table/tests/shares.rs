//! Shares of limits, as proxies come and go.

use lambdaroute_proxy_config::v1alpha1::limit_share::Share;
use lambdaroute_proxy_config::v1alpha1::{Concurrency, RateLimit};

use super::*;

fn limited(name: &str, requests: u64, max: u32) -> DesiredRoute {
    let mut desired = route(name, AuthType::AwsIam);
    let limit = RateLimit { name: "everyone".to_owned(), requests, interval_ms: 1000, burst: requests, keys: vec![] };
    desired.route.rate_limits = vec![limit];
    desired.route.concurrency = Some(Concurrency { max });
    desired.route.requires = feature::of(&desired.route).into_iter().map(str::to_owned).collect();
    desired
}

/// Millirequests and requests in flight that a proxy may let through.
fn share(world: &World, proxy: &str, name: &str) -> (u64, u32) {
    let mut all = (0, 0);
    for share in world.holding.get(proxy).map(|holding| holding.shares(&id(name).0)).unwrap_or_default() {
        match share.share {
            Some(Share::Rate(rate)) => all.0 += rate.millirequests,
            Some(Share::Concurrency(concurrency)) => all.1 += concurrency.max,
            None => panic!("a share of nothing"),
        }
    }
    all
}

fn total(world: &World, proxies: &[&str], name: &str) -> (u64, u32) {
    let shares = proxies.iter().map(|proxy| share(world, proxy, name));
    shares.fold((0, 0), |sum, share| (sum.0 + share.0, sum.1 + share.1))
}

#[test]
fn the_total_is_divided_by_the_proxies_that_come_and_go() {
    let names = ["a", "b", "c", "d"];
    let mut world = World::leading(4, &names, vec![limited("orders", 10, 3)]);
    for (index, name) in names.iter().enumerate() {
        world.connect(name, Answer::Serve);
        assert_eq!(total(&world, &names[..=index], "orders"), (10_000, 3));
    }
    let mut each: Vec<_> = names.iter().map(|name| share(&world, name, "orders").1).collect();
    each.sort_unstable();
    assert_eq!(each, [0, 1, 1, 1]);
    assert_eq!(world.reached("orders").len(), 3, "nobody reaches the one that has nothing");
    world.event(Event::PodGone(proxy_id("b")));
    assert_eq!(total(&world, &["a", "c", "d"], "orders"), (10_000, 3), "a dead one gives its share back at once");
    let stream = world.streams["c"];
    world.event(Event::Leaving(proxy_id("c"), stream));
    assert_eq!(total(&world, &["a", "d"], "orders"), (10_000, 3), "so does one that leaves");
}

#[test]
fn callers_reach_no_proxy_that_has_nothing_to_let_through() {
    let names = ["a", "b", "c", "d"];
    for (requests, max, most) in [(10, 1, 1), (10, 3, 3), (2, 50, 2), (10, 4, 4), (10, 50, 4)] {
        let mut world = World::leading(4, &names, vec![limited("orders", requests, max)]);
        for name in names {
            world.connect(name, Answer::Serve);
        }
        let reached = world.reached("orders");
        assert_eq!(reached.len(), most, "{requests} at once, {max} in flight");
        for name in &reached {
            let (rate, in_flight) = share(&world, name, "orders");
            assert!(rate > 0 && in_flight > 0, "{name} refuses everybody");
        }
        assert_eq!(total(&world, &names, "orders"), (requests * 1000, max));
        assert_eq!(world.programming("orders"), Programming::Programmed);
    }
}

#[test]
fn a_lone_proxy_lets_callers_through_until_its_successor_does() {
    let names = ["a", "b", "c", "d", "e"];
    let mut world = World::leading(4, &names[..1], vec![limited("orders", 10, 1)]);
    world.connect("a", Answer::Serve);
    assert_eq!(share(&world, "a", "orders"), (10_000, 1));
    // Others come until one of them is preferred; it doesn't answer yet.
    let successor = names[1..].iter().find(|name| {
        world.event(Event::Pod(pod(name)));
        world.connect(name, Answer::Silence);
        !world.has(name).is_empty()
    });
    let successor = *successor.expect("one of four others is preferred");
    assert_eq!(world.reached("orders"), ["a"]);
    assert_eq!(share(&world, "a", "orders").1, 1, "callers reach this one alone");
    assert_eq!(share(&world, successor, "orders").1, 0);
    world.writes = false;
    world.hello(successor, Answer::Serve, feature::SUPPORTED, None);
    assert_eq!(share(&world, successor, "orders"), (10_000, 1), "before callers come");
    assert_eq!(share(&world, "a", "orders").1, 1, "late callers aren't turned away");
    world.writes = true;
    let key = slices::key(&route("orders", AuthType::AwsIam).service, "IPv4");
    world.write(&key);
    assert_eq!(world.reached("orders"), [successor]);
    // And back, when that one goes without a word.
    world.event(Event::PodGone(proxy_id(successor)));
    assert_eq!(world.reached("orders").len(), 1);
    let heir = world.reached("orders")[0].clone();
    assert_eq!(share(&world, &heir, "orders"), (10_000, 1));
}

#[test]
fn a_leaving_lone_proxy_is_replaced_without_a_refusal() {
    let mut world = World::leading(4, &["a", "b", "c"], vec![limited("orders", 10, 1)]);
    for name in ["a", "b", "c"] {
        world.connect(name, Answer::Serve);
    }
    let holder = world.reached("orders")[0].clone();
    for name in ["a", "b", "c"] {
        world.answers.insert(name.to_owned(), Answer::Silence);
    }
    let stream = world.streams[&holder];
    world.event(Event::Leaving(proxy_id(&holder), stream));
    assert_eq!((world.reached("orders"), share(&world, &holder, "orders").1), (vec![holder.clone()], 1));
    let heir = ["a", "b", "c"].into_iter().find(|name| *name != holder && !world.has(name).is_empty());
    let heir = heir.expect("another one gets the route");
    world.hello(heir, Answer::Serve, feature::SUPPORTED, None);
    assert_eq!((world.reached("orders"), share(&world, heir, "orders")), (vec![heir.to_owned()], (10_000, 1)));
    assert_eq!(share(&world, &holder, "orders").1, 1, "late callers aren't turned away");
}

#[test]
fn a_change_of_limits_moves_no_proxy_that_stays_within_them() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut world = World::leading(4, &names, vec![limited("orders", 10, 2)]);
    for name in names {
        world.connect(name, Answer::Serve);
    }
    let mut before = world.reached("orders");
    for max in [3, 4, 50, 4, 3, 1] {
        world.event(Event::Set(Box::new(limited("orders", 10, max))));
        let after = world.reached("orders");
        assert_eq!(after.len(), usize::try_from(max).unwrap().min(4));
        let (fewer, more) = if before.len() < after.len() { (&before, &after) } else { (&after, &before) };
        assert!(fewer.iter().all(|name| more.contains(name)), "{before:?} became {after:?} at {max}");
        before = after;
    }
}

#[test]
fn shares_touch_no_route_no_slice_and_no_status() {
    let mut world = World::leading(4, &["a", "b"], vec![limited("orders", 10, 3)]);
    world.connect("a", Answer::Serve);
    world.event(Event::Pod(PodFacts { ready: false, ..pod("b") }));
    let before = (world.said["a"].len(), world.slice("orders"));
    world.event(Event::Pod(pod("b")));
    world.connect("b", Answer::Silence);
    assert_eq!(world.slice("orders").endpoints, before.1.endpoints);
    assert_eq!(world.slice("orders").metadata.resource_version, before.1.metadata.resource_version);
    for message in &world.said["a"][before.0..] {
        let Message::Change(change) = message else { panic!("{message:?}") };
        assert!(change.set.iter().all(|resource| type_of(resource) == 3) && change.removed.is_empty());
    }
    assert_eq!(share(&world, "a", "orders").0, 5_000);
    assert_eq!(world.programming("orders"), Programming::Programmed);
}

#[test]
fn who_refuses_a_route_or_lacks_its_feature_has_no_share() {
    let mut world = World::leading(2, &["a", "b"], vec![limited("orders", 10, 3)]);
    world.connect("a", Answer::Serve);
    world.connect("b", Answer::Refuse);
    assert_eq!(share(&world, "a", "orders"), (10_000, 3));
    world.hello("b", Answer::Serve, &[feature::FUNCTION_URL], None);
    assert_eq!(share(&world, "a", "orders"), (10_000, 3));
    world.event(Event::Pod(pod("c")));
    world.connect("c", Answer::Serve);
    assert_eq!(share(&world, "a", "orders").0, 5_000);
}

#[test]
fn a_proxy_that_is_drained_keeps_its_share_until_it_loses_the_route() {
    let names = ["a", "b", "c", "d", "e"];
    let mut world = World::leading(1, &names[..1], vec![limited("orders", 10, 3)]);
    world.connect("a", Answer::Serve);
    for name in &names[1..] {
        world.event(Event::Pod(pod(name)));
        world.connect(name, Answer::Serve);
    }
    let holder = world.reached("orders")[0].clone();
    assert_ne!(holder, "a", "one of four others is chosen in its place");
    assert_eq!(share(&world, &holder, "orders"), (10_000, 3), "callers reach this one alone");
    assert!(share(&world, "a", "orders").0 > 0, "late callers aren't turned away");
    world.pass(16 * SECOND);
    assert_eq!(share(&world, "a", "orders"), (0, 0));
    assert!(world.holding["a"].resources.is_empty(), "its shares went with the route");
}

#[test]
fn a_proxy_that_comes_back_gets_its_shares_again_and_a_cut_one_keeps_counting() {
    let mut world = World::leading(2, &["a", "b"], vec![limited("orders", 10, 4)]);
    world.connect("a", Answer::Serve);
    world.connect("b", Answer::Serve);
    world.cut("b");
    assert_eq!(share(&world, "a", "orders"), (5_000, 2), "callers reach b still");
    world.hello("b", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    assert_eq!(share(&world, "b", "orders"), (5_000, 2));
    world.cut("b");
    world.pass(11 * SECOND);
    assert_eq!(share(&world, "a", "orders"), (10_000, 4), "it is gone from the slices");
}

#[test]
fn a_limit_that_is_changed_or_taken_away_is_told() {
    let mut world = World::leading(1, &["a"], vec![limited("orders", 10, 4)]);
    world.connect("a", Answer::Serve);
    world.event(Event::Set(Box::new(limited("orders", 20, 4))));
    assert_eq!(share(&world, "a", "orders"), (20_000, 4));
    let mut without = limited("orders", 20, 4);
    without.route.rate_limits.clear();
    world.event(Event::Set(Box::new(without)));
    assert_eq!(world.holding["a"].shares(&id("orders").0).len(), 1);
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    assert_eq!(world.holding["a"].shares(&id("orders").0).len(), 0);
}

#[test]
fn what_cant_be_divided_goes_to_other_proxies_for_other_routes() {
    let routes: Vec<_> = (0..40).map(|i| limited(&format!("r{i}"), 10, 1)).collect();
    let mut world = World::leading(4, &["a", "b", "c", "d"], routes);
    for name in ["a", "b", "c", "d"] {
        world.connect(name, Answer::Serve);
    }
    for name in ["a", "b", "c", "d"] {
        let ones: u32 = (0..40).map(|i| share(&world, name, &format!("r{i}")).1).sum();
        assert!((2..30).contains(&ones), "{name} has {ones} of 40");
    }
}
