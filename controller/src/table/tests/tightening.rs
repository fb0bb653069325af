//! Changes that take rights away are acknowledged in time, or the proxy leaves the slice.

use super::super::tightening::is_tightening;
use super::*;

#[test]
fn coming_back_from_none_is_a_tightening_and_going_public_is_not() {
    let (open, signed) = (route("r", AuthType::None).route, route("r", AuthType::AwsIam).route);
    assert!(is_tightening(&open, &signed));
    assert!(!is_tightening(&signed, &open));
    assert!(!is_tightening(&signed, &signed));
}

#[test]
fn a_guard_that_is_added_is_a_tightening() {
    let old = route("r", AuthType::AwsIam).route;
    let mut new = old.clone();
    new.requires.push("api-key".to_owned());
    assert!(is_tightening(&old, &new));
    assert!(!is_tightening(&new, &old));
}

#[test]
fn a_proxy_whose_stream_is_cut_leaves_five_seconds_after_a_tightening_even_as_the_last() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::None)]);
    world.connect("a", Answer::Serve);
    world.cut("a");
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    world.pass(Duration::from_millis(4_999));
    assert_eq!(world.reached("orders"), ["a"]);
    world.pass(Duration::from_millis(1));
    assert!(world.reached("orders").is_empty());
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_loosening_takes_nobody_out() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.cut("a");
    world.event(Event::Set(Box::new(route("orders", AuthType::None))));
    world.pass(60 * SECOND);
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_later_change_doesnt_give_more_time_to_an_earlier_tightening() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::None)]);
    world.connect("a", Answer::Serve);
    world.cut("a");
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    world.pass(3 * SECOND);
    world.event(Event::Set(Box::new(route("orders", AuthType::None))));
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    world.pass(2 * SECOND);
    assert!(world.reached("orders").is_empty());
}

#[test]
fn the_slice_says_how_loose_its_endpoints_may_be() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::None)]);
    world.connect("a", Answer::Serve);
    assert_eq!(slices::auth_of(&world.slice("orders")), Auth::None);
    world.answers.insert("a".to_owned(), Answer::Silence);
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    assert_eq!(slices::auth_of(&world.slice("orders")), Auth::None, "not acknowledged yet");
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    assert_eq!(slices::auth_of(&world.slice("orders")), Auth::AwsIam);
}

#[test]
fn an_endpoint_at_another_port_than_the_slices_is_not_listed() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.answers.insert("a".to_owned(), Answer::Silence);
    let mut moved = route("orders", AuthType::AwsIam);
    moved.route.port = 10_001;
    world.event(Event::Set(Box::new(moved)));
    assert!(world.reached("orders").is_empty());
}
