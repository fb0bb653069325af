//! What a new leader believes, empties and repairs.

use super::*;

/// The slice that a former leader left for these proxies.
fn found(route: &DesiredRoute, names: &[&str], auth: Auth) -> EndpointSlice {
    let pods: Vec<_> = names.iter().map(|name| pod(name)).collect();
    let endpoints: Vec<_> = pods.iter().map(|pod| (pod, pod.addresses[0])).collect();
    let mut slice = slices::desired(&route.id, route, "IPv4", &endpoints, auth, None);
    slice.metadata.uid = Some("slice-found".to_owned());
    slice.metadata.resource_version = Some("1".to_owned());
    slice
}

#[test]
fn a_change_of_leader_takes_no_endpoint_away() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    world.begin(8, &["a", "b"], vec![found(&orders, &["a", "b"], Auth::AwsIam)], vec![orders]);
    assert_eq!(world.reached("orders"), ["a", "b"]);
    world.pass(60 * SECOND);
    assert_eq!(world.reached("orders"), ["a", "b"], "nobody has said otherwise");
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 7, counter: 5 }));
    assert!(world.reached("orders").contains(&"a".to_owned()));
}

#[test]
fn a_new_leader_believes_until_a_proxy_speaks_or_its_time_is_over() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    world.begin(8, &["a"], vec![found(&orders, &["a"], Auth::AwsIam)], vec![orders.clone()]);
    assert_eq!(world.state.programming(&orders.id), Programming::Believed);
    world.pass(60 * SECOND);
    assert_eq!(world.state.programming(&orders.id), Programming::NoReadyProxies);
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 7, counter: 5 }));
    assert_eq!(world.state.programming(&orders.id), Programming::Programmed);
}

#[test]
fn a_proxy_that_says_otherwise_leaves_the_slice() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    world.begin(8, &["a", "b"], vec![found(&orders, &["a", "b"], Auth::AwsIam)], vec![orders]);
    world.hello("a", Answer::Refuse, feature::SUPPORTED, Some(Version { epoch: 7, counter: 5 }));
    assert_eq!(world.reached("orders"), ["b"]);
}

#[test]
fn a_proxy_that_comes_back_without_a_table_is_out_until_it_serves() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    world.begin(8, &["a", "b"], vec![found(&orders, &["a", "b"], Auth::AwsIam)], vec![orders]);
    world.connect("a", Answer::Silence);
    assert_eq!(world.reached("orders"), ["b"]);
}

#[test]
fn the_first_proxy_to_reconnect_is_not_given_everything() {
    let routes: Vec<_> = (0..20).map(|i| route(&format!("r{i}"), AuthType::AwsIam)).collect();
    let mut world = World::leading(1, &["a", "b", "c", "d"], routes);
    world.connect("a", Answer::Serve);
    assert!(world.has("a").len() < 15, "{}", world.has("a").len());
}

#[test]
fn a_pod_with_a_former_proxys_address_is_in_no_slice() {
    let orders = route("orders", AuthType::AwsIam);
    let old = pod("a");
    let other = PodFacts { id: proxy_id("z"), name: "z".to_owned(), ..old };
    let mut world = World::new(2);
    world.event(Event::Leading { epoch: 8 });
    world.event(Event::PodsListed(vec![other]));
    world.event(Event::SlicesListed(vec![Arc::new(found(&orders, &["a"], Auth::AwsIam))]));
    assert!(world.reached("orders").is_empty(), "even before the routes are known");
    world.event(Event::Primed(vec![orders]));
    world.connect("z", Answer::Silence);
    assert!(world.reached("orders").is_empty());
}

#[test]
fn a_pod_that_got_another_address_is_not_believed_at_the_old_one() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    let moved = PodFacts { addresses: vec![[10, 9, 9, 9].into()], ..pod("a") };
    world.event(Event::Leading { epoch: 8 });
    world.event(Event::PodsListed(vec![moved]));
    world.event(Event::SlicesListed(vec![Arc::new(found(&orders, &["a"], Auth::AwsIam))]));
    world.event(Event::Primed(vec![orders]));
    assert!(world.reached("orders").is_empty());
}

#[test]
fn a_route_tightened_between_two_leaders_has_five_seconds() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    world.begin(8, &["a"], vec![found(&orders, &["a"], Auth::None)], vec![orders]);
    assert_eq!(world.reached("orders"), ["a"]);
    world.pass(5 * SECOND);
    assert!(world.reached("orders").is_empty());
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 7, counter: 5 }));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_slice_that_no_route_wants_is_emptied_once_the_routes_are_known() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(2);
    world.event(Event::Leading { epoch: 8 });
    world.event(Event::PodsListed(vec![pod("a")]));
    world.event(Event::SlicesListed(vec![Arc::new(found(&orders, &["a"], Auth::AwsIam))]));
    assert_eq!(world.reached("orders"), ["a"], "the routes aren't known yet");
    world.event(Event::Primed(vec![]));
    assert!(world.reached("orders").is_empty());
    assert!(!world.state.removed_everywhere(&id("orders")), "a may serve it still");
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 7, counter: 5 }));
    assert!(world.state.removed_everywhere(&id("orders")));
}

#[test]
fn what_others_change_in_a_slice_is_repaired() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    let mut slice = world.slice("orders");
    slice.endpoints.clear();
    slice.metadata.resource_version = Some("1000".to_owned());
    world.next = 1000;
    world.event(Event::Slice(Arc::new(slice)));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_deleted_slice_is_made_again() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    let slice = world.slice("orders");
    world.event(Event::SliceGone(slices::key_of(&slice), slice.metadata.uid));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_standby_writes_no_slice() {
    let orders = route("orders", AuthType::AwsIam);
    let mut world = World::new(1);
    world.event(Event::PodsListed(vec![]));
    world.event(Event::SlicesListed(vec![Arc::new(found(&orders, &["a"], Auth::AwsIam))]));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_proxy_of_a_later_leader_is_sent_away() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH + 1, counter: 1 }));
    assert_eq!(world.closed.len(), 1);
    assert_eq!(world.closed[0].1, Close::Superseded);
    assert!(world.has("a").is_empty());
}

#[test]
fn a_slice_of_somebody_else_under_our_labels_is_not_believed() {
    let orders = route("orders", AuthType::AwsIam);
    let mut forged = found(&orders, &["a"], Auth::AwsIam);
    forged.metadata.name = Some("forged".to_owned());
    let mut world = World::new(2);
    world.begin(8, &["a"], vec![forged], vec![orders]);
    assert!(world.reached("orders").is_empty());
}

/// A guarded route, its keys, and the slice that a former leader left for it.
fn guarded_by(consumers: &[&str]) -> (DesiredRoute, EndpointSlice) {
    let orders = guarded("orders", &["idp"]);
    let mut former = World::leading(1, &["a"], vec![orders.clone()]);
    former.event(Event::SetKeySet(key_set_id("idp"), keys(consumers)));
    former.connect("a", Answer::Serve);
    (orders, former.slice("orders"))
}

/// The former leader's table, as the proxy has it.
fn keep_table(world: &mut World, consumers: &[&str]) {
    let key_set =
        Resource { id: "idp".to_owned(), version: None, resource: Some(resource::Resource::KeySet(keys(consumers))) };
    let holding = world.holding.entry("a".to_owned()).or_default();
    holding.resources.insert((2, "idp".to_owned()), key_set);
}

const FORMER: Option<Version> = Some(Version { epoch: EPOCH, counter: 5 });

#[test]
fn a_new_leader_that_doesnt_know_the_keys_yet_takes_none_away() {
    let (orders, slice) = guarded_by(&["alice"]);
    let mut world = World::new(1);
    world.begin(8, &["a"], vec![slice], vec![orders]);
    keep_table(&mut world, &["alice"]);
    world.hello("a", Answer::Serve, feature::SUPPORTED, FORMER);
    assert!(matches!(world.said["a"].last(), Some(Message::SnapshotEnd(_))));
    let alice = Some(vec!["alice".to_owned()]);
    assert_eq!((world.recognises("a", "idp"), world.reached("orders")), (alice.clone(), vec!["a".to_owned()]));
    assert_eq!(world.state.missing_key_sets(), BTreeSet::from([key_set_id("idp")]));
    world.pass(3_600 * SECOND);
    assert_eq!((world.recognises("a", "idp"), world.reached("orders")), (alice, vec!["a".to_owned()]));
    assert_eq!(world.programming("orders"), Programming::Programmed);
}

#[test]
fn keys_that_come_to_be_known_within_a_snapshot_are_not_taken_away_by_its_end() {
    let (orders, slice) = guarded_by(&["alice"]);
    let mut world = World::new(1);
    world.begin(8, &["a"], vec![slice], vec![orders]);
    keep_table(&mut world, &["alice"]);
    world.hello("a", Answer::Serve, feature::SUPPORTED, FORMER);
    world.streams.clear();
    // Taken by hand up to the route; then the keys come.
    let (stream, features) = (StreamId(1_000), feature::SUPPORTED.iter().map(|&feature| feature.to_owned()).collect());
    world.state.apply(Event::Hello { proxy: proxy_id("a"), stream, features, table_version: FORMER }, world.now);
    for _ in 0..2 {
        let message = world.state.next_message(&proxy_id("a"), stream, world.now).expect("there is more");
        world.holding.get_mut("a").expect("it has a table").take(&message.message.expect("it says something"));
    }
    world.state.apply(Event::SetKeySet(key_set_id("idp"), keys(&["alice", "bob"])), world.now);
    let mut seen = vec![];
    while let Some(message) = world.state.next_message(&proxy_id("a"), stream, world.now) {
        world.holding.get_mut("a").expect("it has a table").take(&message.message.expect("it says something"));
        seen.push(world.recognises("a", "idp").expect("never without keys").len());
    }
    assert_eq!(seen.last(), Some(&2));
}

#[test]
fn a_proxy_that_lost_its_keys_is_not_reached_before_the_new_leader_knows_them() {
    let (orders, slice) = guarded_by(&["alice"]);
    let mut world = World::new(1);
    world.begin(8, &["a"], vec![slice], vec![orders]);
    world.connect("a", Answer::Serve);
    assert!(world.reached("orders").is_empty(), "callers would be turned away");
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice"])));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn keys_that_are_as_the_slice_says_take_no_endpoint_away() {
    let (orders, slice) = guarded_by(&["alice", "bob"]);
    for early in [true, false] {
        let mut world = World::new(1);
        let known = Event::SetKeySet(key_set_id("idp"), keys(&["bob", "alice"]));
        if early {
            world.event(known.clone());
        }
        world.begin(8, &["a"], vec![slice.clone()], vec![orders.clone()]);
        world.pass(7 * SECOND);
        world.event(known);
        world.pass(60 * SECOND);
        assert_eq!(world.reached("orders"), ["a"], "the proxy is cut off, and has what it should");
        assert_eq!(slices::guard_of(&world.slice("orders")), slices::guard_of(&slice));
    }
}

#[test]
fn a_key_revoked_between_two_leaders_has_five_seconds() {
    let (orders, slice) = guarded_by(&["alice", "bob"]);
    for early in [true, false] {
        let mut world = World::new(1);
        let known = Event::SetKeySet(key_set_id("idp"), keys(&["alice"]));
        if early {
            world.event(known.clone());
        }
        world.begin(8, &["a"], vec![slice.clone()], vec![orders.clone()]);
        world.event(known);
        assert_eq!(world.reached("orders"), ["a"]);
        world.pass(5 * SECOND);
        assert!(world.reached("orders").is_empty());
        world.hello("a", Answer::Serve, feature::SUPPORTED, FORMER);
        assert_eq!(world.reached("orders"), ["a"]);
    }
}

#[test]
fn a_route_that_got_auth_between_two_leaders_has_five_seconds() {
    let open = route("orders", AuthType::AwsIam);
    let mut world = World::new(1);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice"])));
    world.begin(8, &["a"], vec![found(&open, &["a"], Auth::AwsIam)], vec![guarded("orders", &["idp"])]);
    assert_eq!(world.reached("orders"), ["a"]);
    world.pass(5 * SECOND);
    assert!(world.reached("orders").is_empty());
}

/// A proxy that has the route of before, and says so.
fn returns(world: &mut World, name: &str, route: &DesiredRoute) {
    let had = Resource {
        id: route.id.0.clone(),
        version: None,
        resource: Some(resource::Resource::Route(route.route.clone())),
    };
    world.holding.entry(name.to_owned()).or_default().resources.insert((1, route.id.0.clone()), had);
    world.hello(name, Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 7, counter: 5 }));
}

fn holds(world: &World, name: &str, route: &DesiredRoute) -> bool {
    world.holding[name].resources.contains_key(&(1, route.id.0.clone()))
}

#[test]
fn proxies_go_on_with_what_they_have_of_a_route_that_can_not_be_told() {
    let orders = guarded("orders", &["web"]);
    let kept = DesiredRoute { kept: true, ..orders.clone() };
    let web = || Event::SetKeySet(key_set_id("web"), keys(&["a", "b"]));
    let mut former = World::leading(2, &["a", "b"], vec![orders.clone()]);
    former.event(web());
    former.connect("a", Answer::Serve);
    former.connect("b", Answer::Serve);
    let mut world = World::new(2);
    world.event(web());
    world.begin(8, &["a", "b", "c"], vec![former.slice("orders")], vec![kept]);
    for name in ["a", "b"] {
        returns(&mut world, name, &orders);
    }
    world.connect("c", Answer::Serve);
    world.pass(60 * SECOND);
    assert_eq!(world.reached("orders"), ["a", "b"]);
    assert!(holds(&world, "a", &orders) && holds(&world, "b", &orders));
    assert!(["a", "b", "c"].iter().all(|name| world.has(name).is_empty()), "it is sent to nobody");
    assert_eq!(world.programming("orders"), Programming::Believed);
    world.event(Event::SetKeySet(key_set_id("web"), keys(&["b"])));
    assert_eq!(world.recognises("a", "web"), Some(vec!["b".to_owned()]), "a revoked key is revoked all the same");
    world.event(Event::Set(Box::new(orders.clone())));
    assert_eq!(world.programming("orders"), Programming::Programmed);
    assert!(world.reached("orders").iter().all(|name| !world.has(name).is_empty()), "told as any other");
}

#[test]
fn a_route_that_could_not_be_told_is_taken_back_like_any_other() {
    let orders = route("orders", AuthType::AwsIam);
    let kept = DesiredRoute { kept: true, ..orders.clone() };
    let mut world = World::new(2);
    world.begin(8, &["a", "b"], vec![found(&orders, &["a", "b"], Auth::AwsIam)], vec![kept]);
    returns(&mut world, "a", &orders);
    world.connect("b", Answer::Serve);
    assert_eq!(world.reached("orders"), ["a"], "b came back without any table");
    world.event(Event::Remove(orders.id.clone()));
    assert!(world.reached("orders").is_empty());
    assert!(!holds(&world, "a", &orders));
    assert!(world.state.removed_everywhere(&orders.id));
}
