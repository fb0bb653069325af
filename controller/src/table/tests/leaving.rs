//! How a proxy or its Pod leaves.

use super::*;

fn left(world: &World, name: &str) -> bool {
    world.said[name].iter().any(|message| matches!(message, Message::Left(_)))
}

fn two(answer: Answer) -> World {
    let mut world = World::leading(1, &["a", "b"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.connect("b", Answer::Serve);
    for name in ["a", "b"] {
        if !world.reached("orders").contains(&name.to_owned()) {
            world.answers.insert(name.to_owned(), answer);
        }
    }
    world
}

fn holder(world: &World) -> (String, String) {
    let holder = world.reached("orders")[0].clone();
    let other = if holder == "a" { "b" } else { "a" };
    (holder, other.to_owned())
}

#[test]
fn a_leaving_proxys_routes_get_a_replacement_first() {
    let mut world = two(Answer::Serve);
    let (holder, other) = holder(&world);
    let stream = world.streams[&holder];
    world.event(Event::Leaving(proxy_id(&holder), stream));
    assert_eq!(world.reached("orders"), [other]);
    assert!(left(&world, &holder));
    assert!(!world.has(&holder).is_empty(), "it serves on until the network has followed");
}

#[test]
fn a_leaving_proxy_waits_two_seconds_for_its_replacement_at_most() {
    let mut world = two(Answer::Silence);
    let (holder, _) = holder(&world);
    let stream = world.streams[&holder];
    world.event(Event::Leaving(proxy_id(&holder), stream));
    assert_eq!(world.reached("orders"), std::slice::from_ref(&holder));
    assert!(!left(&world, &holder));
    world.pass(2 * SECOND);
    assert!(world.reached("orders").is_empty());
    assert!(left(&world, &holder));
}

#[test]
fn the_last_proxy_may_leave_at_once() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    let stream = world.connect("a", Answer::Serve);
    world.event(Event::Leaving(proxy_id("a"), stream));
    assert!(world.reached("orders").is_empty());
    assert!(left(&world, "a"));
}

#[test]
fn nobody_has_left_before_the_slices_are_written() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    let stream = world.connect("a", Answer::Serve);
    world.writes = false;
    world.event(Event::Leaving(proxy_id("a"), stream));
    assert!(!left(&world, "a"));
    world.writes = true;
    let key = slices::key_of(&world.slice("orders"));
    world.write(&key);
    world.talk();
    assert!(left(&world, "a"));
}

#[test]
fn a_write_under_way_that_names_the_proxy_is_waited_for() {
    let mut world = World::leading(1, &["a"], vec![]);
    let stream = world.connect("a", Answer::Serve);
    world.writes = false;
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    let key = slices::key(&route("orders", AuthType::AwsIam).service, "IPv4");
    assert!(matches!(world.state.slice_write(&key, world.now), Some(SliceWrite::Create(_))));
    world.event(Event::Leaving(proxy_id("a"), stream));
    assert!(!left(&world, "a"), "the POST may still bring it into the slice");
    world.event(Event::SliceWritten(key));
    assert!(left(&world, "a"));
}

#[test]
fn a_terminating_pod_leaves_without_a_word() {
    let mut world = two(Answer::Serve);
    let (holder, other) = holder(&world);
    world.event(Event::Pod(PodFacts { terminating: true, ..pod(&holder) }));
    assert_eq!(world.reached("orders"), [other]);
}

#[test]
fn a_dead_pods_address_leaves_at_once() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.event(Event::PodGone(proxy_id("a")));
    assert!(world.reached("orders").is_empty());
    assert_eq!(world.closed.last().map(|closed| closed.1), Some(Close::PodGone));
}

#[test]
fn an_unready_pod_leaves_and_comes_back() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.event(Event::Pod(PodFacts { ready: false, ..pod("a") }));
    assert!(world.reached("orders").is_empty());
    world.event(Event::Pod(pod("a")));
    assert_eq!(world.reached("orders"), ["a"]);
}
