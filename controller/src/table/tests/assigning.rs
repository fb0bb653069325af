//! Routes come to proxies, into slices, and go again.

use super::*;

#[test]
fn a_route_reaches_a_proxy_and_its_slice() {
    let mut world = World::leading(4, &["a"], vec![route("orders", AuthType::AwsIam)]);
    assert_eq!(world.programming("orders"), Programming::Pending);
    world.connect("a", Answer::Serve);
    assert_eq!(world.has("a"), BTreeSet::from(["uid-of-orders".to_owned()]));
    assert_eq!(world.reached("orders"), ["a"]);
    assert_eq!(world.programming("orders"), Programming::Programmed);
    assert!(world.told.contains(&TableEvent::Programming(id("orders"))));
}

#[test]
fn nothing_is_said_before_the_reconciler_has_told_its_routes() {
    let mut world = World::new(4);
    world.event(Event::Leading { epoch: EPOCH });
    world.event(Event::PodsListed(vec![pod("a")]));
    world.event(Event::SlicesListed(vec![]));
    world.connect("a", Answer::Serve);
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    assert_eq!(world.said.get("a"), None);
    world.event(Event::Primed(vec![]));
    assert_eq!(world.has("a").len(), 1);
}

#[test]
fn an_unassigned_proxy_gets_no_route() {
    let mut world = World::leading(1, &["a", "b", "c"], vec![route("orders", AuthType::AwsIam)]);
    for name in ["a", "b", "c"] {
        world.connect(name, Answer::Serve);
    }
    let having = ["a", "b", "c"].iter().filter(|name| !world.has(name).is_empty()).count();
    assert_eq!((having, world.reached("orders").len()), (1, 1));
}

#[test]
fn an_unready_proxy_gets_an_empty_table_so_that_it_can_become_ready() {
    let mut world = World::leading(4, &[], vec![route("orders", AuthType::AwsIam)]);
    world.event(Event::Pod(PodFacts { ready: false, ..pod("a") }));
    world.connect("a", Answer::Serve);
    assert!(matches!(world.said["a"][..], [Message::SnapshotBegin(_), Message::SnapshotEnd(_)]));
    world.event(Event::Pod(pod("a")));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_proxy_that_is_no_longer_chosen_serves_until_the_chosen_one_does() {
    let names = ["a", "b", "c", "d", "e"];
    let mut world = World::leading(1, &names[..1], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    // Others come until one of them is chosen instead; it doesn't answer yet.
    let mut successor = None;
    for name in &names[1..] {
        world.event(Event::Pod(pod(name)));
        world.connect(name, Answer::Silence);
        if !world.has(name).is_empty() {
            successor = Some(*name);
            break;
        }
    }
    let successor = successor.expect("one of four others is chosen");
    assert_eq!(world.reached("orders"), ["a"]);
    assert!(!world.has("a").is_empty());
    world.hello(successor, Answer::Serve, feature::SUPPORTED, None);
    assert_eq!(world.reached("orders"), [successor]);
    // Nodes may follow late: the old one serves on for a while.
    assert!(!world.has("a").is_empty());
    world.pass(16 * SECOND);
    assert!(world.has("a").is_empty());
    assert_eq!(world.reached("orders"), [successor]);
}

#[test]
fn a_refusal_is_told_with_the_proxys_words_and_another_proxy_is_tried() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Refuse);
    assert_eq!(world.programming("orders"), Programming::Refused { detail: "port 10000 is taken".to_owned() });
    world.event(Event::Pod(pod("b")));
    world.connect("b", Answer::Serve);
    assert_eq!(world.reached("orders"), ["b"]);
    assert_eq!(world.programming("orders"), Programming::Programmed);
}

#[test]
fn a_proxy_that_has_the_features_goes_before_one_that_lacks_them() {
    let mut world = World::leading(1, &["old", "new"], vec![route("open", AuthType::None)]);
    world.hello("old", Answer::Refuse, &[feature::FUNCTION_URL], None);
    world.hello("new", Answer::Serve, feature::SUPPORTED, None);
    assert_eq!(world.reached("open"), ["new"]);
    assert!(world.has("old").is_empty());
}

#[test]
fn a_route_that_breaks_the_contract_is_not_sent() {
    let mut wrong = route("orders", AuthType::AwsIam);
    wrong.route.port = 0;
    let mut world = World::leading(1, &["a"], vec![wrong]);
    world.connect("a", Answer::Serve);
    assert!(world.has("a").is_empty());
    let refused = Programming::Refused { detail: "port 0 is not a port: expected 1 to 65535".to_owned() };
    assert_eq!(world.programming("orders"), refused);
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    assert_eq!(world.programming("orders"), Programming::Programmed);
}

#[test]
fn without_ready_proxies_a_route_says_so_but_not_in_a_leaders_first_moments() {
    let mut world = World::leading(1, &[], vec![route("orders", AuthType::AwsIam)]);
    assert_eq!(world.programming("orders"), Programming::Pending);
    world.pass(11 * SECOND);
    assert_eq!(world.programming("orders"), Programming::NoReadyProxies);
}

#[test]
fn programmed_waits_for_the_slice() {
    let mut world = World::leading(1, &["a"], vec![]);
    world.connect("a", Answer::Serve);
    world.writes = false;
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    assert_eq!(world.programming("orders"), Programming::Pending);
}

#[test]
fn a_removed_route_leaves_its_slice_at_once_and_everywhere_when_acknowledged() {
    let mut world = World::leading(2, &["a", "b"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.connect("b", Answer::Serve);
    world.answers.insert("b".to_owned(), Answer::Silence);
    world.event(Event::Remove(id("orders")));
    assert!(world.reached("orders").is_empty());
    assert!(world.has("a").is_empty() && world.has("b").is_empty());
    assert!(!world.state.removed_everywhere(&id("orders")), "b hasn't answered");
    world.event(Event::PodGone(proxy_id("b")));
    assert!(world.state.removed_everywhere(&id("orders")));
}

#[test]
fn a_route_that_a_former_leader_knew_is_removed_from_every_proxy() {
    let mut world = World::leading(2, &["a", "b"], vec![]);
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 3, counter: 1 }));
    world.event(Event::Remove(id("orders")));
    assert!(!world.state.removed_everywhere(&id("orders")), "b may still have it");
    world.hello("b", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: 3, counter: 1 }));
    assert!(world.state.removed_everywhere(&id("orders")));
}
