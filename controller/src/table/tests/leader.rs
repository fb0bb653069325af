//! What a new leader believes, empties and repairs.

use super::*;

/// The slice that a former leader left for these proxies.
fn found(route: &DesiredRoute, names: &[&str], auth: Auth) -> EndpointSlice {
    let pods: Vec<_> = names.iter().map(|name| pod(name)).collect();
    let endpoints: Vec<_> = pods.iter().map(|pod| (pod, pod.addresses[0])).collect();
    let mut slice = slices::desired(&route.id, route, "IPv4", &endpoints, auth);
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
