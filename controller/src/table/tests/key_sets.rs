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

fn set(world: &mut World, id: &str, consumers: &[&str]) {
    world.event(Event::SetKeySet(key_set_id(id), keys(consumers)));
}

fn recognised(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|&name| name.to_owned()).collect())
}

#[test]
fn a_key_set_goes_once_to_those_proxies_that_have_a_route_which_uses_it_and_before_the_route() {
    let routes = vec![guarded("orders", &["idp"]), guarded("carts", &["idp"]), route("open", AuthType::AwsIam)];
    let mut world = World::leading(1, &["a", "b", "c", "d", "e", "f"], routes);
    set(&mut world, "idp", &["alice"]);
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.connect(name, Answer::Serve);
    }
    for name in ["a", "b", "c", "d", "e", "f"] {
        let uses = world.has(name).iter().any(|id| id != "uid-of-open");
        assert_eq!(world.recognises(name, "idp"), uses.then(|| vec!["alice".to_owned()]), "{name}");
        let sent = world.said[name].iter().flat_map(|message| match message {
            Message::Change(change) => change.set.clone(),
            _ => vec![],
        });
        let sent: Vec<_> = sent.map(|resource| type_of(&resource)).collect();
        assert!(sent.iter().filter(|r#type| **r#type == 2).count() <= 1, "{name}: {sent:?}");
    }
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"]), guarded("carts", &["idp"])]);
    set(&mut world, "idp", &["alice"]);
    world.connect("a", Answer::Serve);
    let Message::Change(change) = &world.said["a"][1] else { panic!("{:?}", world.said["a"]) };
    assert_eq!(change.set.iter().map(type_of).collect::<Vec<_>>(), [2, 1, 1]);
}

#[test]
fn a_key_set_goes_with_the_last_route_that_uses_it_and_not_before() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"]), guarded("carts", &["idp"])]);
    set(&mut world, "idp", &["alice"]);
    world.connect("a", Answer::Serve);
    world.event(Event::Remove(id("carts")));
    assert_eq!(world.recognises("a", "idp"), recognised(&["alice"]));
    let before = world.said["a"].len();
    world.event(Event::Set(Box::new(guarded("orders", &["web"]))));
    assert_eq!(world.recognises("a", "idp"), None);
    let types = |message: &Message| match message {
        Message::Change(change) => (change.set.iter().map(type_of).collect::<Vec<_>>(), change.removed.len()),
        _ => panic!("{message:?}"),
    };
    let said: Vec<_> = world.said["a"][before..].iter().map(types).collect();
    assert_eq!(said, [(vec![1], 0), (vec![], 1)], "the route first lets go of it");
    world.event(Event::Set(Box::new(guarded("orders", &["idp"]))));
    assert_eq!(world.recognises("a", "idp"), recognised(&["alice"]), "what was told is still known");
}

#[test]
fn a_change_of_keys_touches_no_route_and_rewrites_no_programming() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"])]);
    set(&mut world, "idp", &["alice"]);
    world.connect("a", Answer::Serve);
    assert_eq!(world.programming("orders"), Programming::Programmed);
    world.told.clear();
    let before = world.said["a"].len();
    set(&mut world, "idp", &["alice", "bob"]);
    assert_eq!(world.recognises("a", "idp"), recognised(&["alice", "bob"]));
    let Message::Change(change) = &world.said["a"][before] else { panic!("{:?}", world.said["a"]) };
    assert_eq!((change.set.len(), type_of(&change.set[0])), (1, 2));
    assert_eq!(world.told, [], "a rotation is nobody's news");
    let again = world.said["a"].len();
    set(&mut world, "idp", &["alice", "bob"]);
    assert_eq!(world.said["a"].len(), again, "nothing has changed");
}

#[test]
fn keys_of_the_manifest_are_programmed_once_the_proxy_says_so() {
    let inline = |consumers: &[&str]| {
        let mut orders = guarded("orders", &["inline"]);
        orders.key_sets.insert(key_set_id("inline"), keys(consumers));
        Event::Set(Box::new(orders))
    };
    let mut world = World::leading(1, &["a"], vec![]);
    world.event(inline(&["web"]));
    world.connect("a", Answer::Serve);
    assert_eq!(world.programming("orders"), Programming::Programmed);
    world.answers.insert("a".to_owned(), Answer::Silence);
    world.event(inline(&["web", "app"]));
    assert_eq!(world.programming("orders"), Programming::Pending);
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    assert_eq!(world.programming("orders"), Programming::Programmed);
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    assert_eq!(world.recognises("a", "inline"), None);
    assert!(world.state.key_sets.is_empty(), "nothing is left of it");
}

#[test]
fn a_removed_key_set_recognises_nobody_at_once() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"])]);
    set(&mut world, "idp", &["alice"]);
    world.connect("a", Answer::Serve);
    world.event(Event::RemoveKeySet(key_set_id("idp")));
    assert_eq!(world.recognises("a", "idp"), None);
    assert_eq!(world.reached("orders"), ["a"], "it has said so");
    // The same is so for a proxy that comes later, and for one that comes back.
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    world.pass(60 * SECOND);
    assert_eq!((world.recognises("a", "idp"), world.reached("orders")), (None, vec!["a".to_owned()]));
}

#[test]
fn a_refused_key_set_is_told_with_the_proxys_words_and_another_proxy_is_tried() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"])]);
    set(&mut world, "idp", &["alice"]);
    world.connect("a", Answer::RefuseKeys);
    assert_eq!(world.programming("orders"), Programming::Refused { detail: "no such curve".to_owned() });
    assert!(world.reached("orders").is_empty());
    world.event(Event::Pod(pod("b")));
    world.connect("b", Answer::Serve);
    assert_eq!((world.reached("orders"), world.programming("orders")), (vec!["b".to_owned()], Programming::Programmed));
    // Other keys are another chance.
    world.event(Event::PodGone(proxy_id("b")));
    world.answers.insert("a".to_owned(), Answer::Serve);
    set(&mut world, "idp", &["bob"]);
    assert_eq!((world.reached("orders"), world.programming("orders")), (vec!["a".to_owned()], Programming::Programmed));
}

#[test]
fn a_proxy_that_lacks_the_feature_refuses_the_route_and_gets_no_keys() {
    let mut world = World::leading(1, &["old"], vec![guarded("orders", &["idp"])]);
    set(&mut world, "idp", &["alice"]);
    world.hello("old", Answer::Refuse, &[feature::FUNCTION_URL], None);
    assert!(matches!(world.programming("orders"), Programming::Refused { .. }));
    assert_eq!(world.recognises("old", "idp"), None);
}

#[test]
fn large_key_sets_come_in_messages_of_their_own() {
    let routes: Vec<_> = (0..20).map(|i| guarded(&format!("r{i}"), &[&format!("k{i}")])).collect();
    let mut world = World::leading(1, &["a"], routes);
    let name = "n".repeat(30 * 1024);
    for i in 0..20 {
        set(&mut world, &format!("k{i}"), &[&name]);
    }
    world.connect("a", Answer::Serve);
    for message in &world.said["a"] {
        let message = ToProxy { message: Some(message.clone()) };
        assert!(prost::Message::encoded_len(&message) < 70 * 1024);
    }
    assert_eq!((world.has("a").len(), world.holding["a"].resources.len()), (20, 40));
    set(&mut world, "k1", &["short"]);
    set(&mut world, "k1", &[&name.repeat(10)]);
    assert_eq!(world.recognises("a", "k1").map(|names| names[0].len()), Some(300 * 1024), "one alone may be larger");
}

#[test]
fn a_slow_proxy_gets_only_the_last_of_many_changes_of_keys() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"])]);
    let stream = world.connect("a", Answer::Serve);
    world.streams.clear();
    for i in 0..100 {
        set(&mut world, "idp", &[&format!("c{i}")]);
    }
    world.streams.insert("a".to_owned(), stream);
    let before = world.said["a"].len();
    world.talk();
    assert_eq!(world.said["a"].len(), before + 1);
    assert_eq!(world.recognises("a", "idp"), recognised(&["c99"]));
}

#[test]
fn a_new_route_waits_for_its_keys_but_not_for_ever() {
    let mut world = World::leading(1, &["a"], vec![]);
    world.connect("a", Answer::Serve);
    world.event(Event::Set(Box::new(guarded("orders", &["idp"]))));
    assert!(world.reached("orders").is_empty(), "callers would be turned away");
    assert_eq!(world.programming("orders"), Programming::Pending);
    set(&mut world, "idp", &["alice"]);
    assert_eq!((world.reached("orders"), world.programming("orders")), (vec!["a".to_owned()], Programming::Programmed));
    world.event(Event::Set(Box::new(guarded("carts", &["never"]))));
    world.pass(10 * SECOND);
    assert_eq!(world.reached("carts"), ["a"], "a refusal with a reason is better than no answer");
}
