//! Key sets: who has to see to them, where they go, and what their changes mean.

use super::*;

fn ids(names: &[&str]) -> BTreeSet<KeySetId> {
    names.iter().map(|name| key_set_id(name)).collect()
}

fn told(world: &mut World) -> usize {
    std::mem::take(&mut world.told).into_iter().filter(|event| *event == TableEvent::KeySets).count()
}

#[test]
fn a_key_set_is_wanted_while_a_route_refers_to_it_and_missing_until_it_is_set() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"]), guarded("carts", &["idp", "web"])]);
    assert_eq!(world.state.wanted_key_sets(), ids(&["idp", "web"]));
    assert_eq!(world.state.missing_key_sets(), ids(&["idp", "web"]));
    assert!(told(&mut world) > 0);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice"])));
    assert_eq!(world.state.missing_key_sets(), ids(&["web"]));
    assert_eq!(told(&mut world), 1);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice", "bob"])));
    assert_eq!(told(&mut world), 0, "what it holds is nobody's to see to");
    world.event(Event::Remove(id("carts")));
    assert_eq!(world.state.wanted_key_sets(), ids(&["idp"]));
    assert_eq!(told(&mut world), 1);
    world.event(Event::RemoveKeySet(key_set_id("idp")));
    assert_eq!(world.state.missing_key_sets(), ids(&["idp"]));
    world.event(Event::Remove(id("orders")));
    assert_eq!(world.state.wanted_key_sets(), ids(&[]));
}

#[test]
fn a_key_set_that_a_route_brings_is_nobodys_to_see_to_and_goes_with_it() {
    let mut orders = guarded("orders", &["inline"]);
    orders.key_sets.insert(key_set_id("inline"), keys(&["web"]));
    let mut world = World::leading(1, &["a"], vec![orders]);
    assert_eq!(world.state.wanted_key_sets(), ids(&[]));
    world.event(Event::Remove(id("orders")));
    assert!(world.state.key_sets.is_empty());
}

#[test]
fn an_old_key_set_is_told_once_a_minute_however_many_proxies_say_so() {
    let mut world = World::leading(2, &["a", "b"], vec![guarded("orders", &["idp"])]);
    let streams = [("a", world.connect("a", Answer::Serve)), ("b", world.connect("b", Answer::Serve))];
    let stale = TableEvent::StaleKeySet(key_set_id("idp"));
    let say = |world: &mut World, id: &str| {
        for (name, stream) in streams {
            let report = Report { stale_key_sets: vec![id.to_owned()], ..Report::default() };
            world.event(Event::Report(proxy_id(name), stream, report));
        }
        world.told.iter().filter(|event| **event == stale).count()
    };
    assert_eq!(say(&mut world, "foreign"), 0, "no route of theirs uses it");
    assert_eq!(say(&mut world, "idp"), 1);
    world.pass(59 * SECOND);
    assert_eq!(say(&mut world, "idp"), 1);
    world.pass(SECOND);
    assert_eq!(say(&mut world, "idp"), 2);
}
