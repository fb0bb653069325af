//! What a stream says, in what order and how much of it, and what it reports.

use super::*;

#[test]
fn a_newer_stream_of_the_same_pod_replaces_the_older() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    let first = world.connect("a", Answer::Serve);
    world.connect("a", Answer::Serve);
    assert_eq!(world.closed, [(first, Close::Replaced)]);
    // What the old one still says counts no more.
    world.event(Event::Ended(proxy_id("a"), first));
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn a_snapshot_comes_in_pieces_of_bounded_size() {
    let routes: Vec<_> = (0..2_000).map(|i| route(&format!("r{i}"), AuthType::AwsIam)).collect();
    let mut world = World::leading(1, &["a"], routes);
    world.writes = false;
    world.connect("a", Answer::Serve);
    let said = &world.said["a"];
    assert!(matches!(said.first(), Some(Message::SnapshotBegin(_))));
    assert!(matches!(said.last(), Some(Message::SnapshotEnd(_))));
    assert!(said.len() > 4);
    for message in said {
        let message = ToProxy { message: Some(message.clone()) };
        assert!(prost::Message::encoded_len(&message) < 70 * 1024);
    }
    assert_eq!(world.has("a").len(), 2_000);
}

#[test]
fn a_slow_proxy_gets_only_the_last_of_many_changes() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    let stream = world.connect("a", Answer::Serve);
    world.streams.clear();
    for port in 10_001..10_101 {
        let mut changed = route("orders", AuthType::AwsIam);
        changed.route.port = port;
        world.event(Event::Set(Box::new(changed)));
    }
    world.streams.insert("a".to_owned(), stream);
    let before = world.said["a"].len();
    world.talk();
    assert_eq!(world.said["a"].len(), before + 1);
    assert_eq!(world.programming("orders"), Programming::Programmed);
}

#[test]
fn versions_only_grow() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.event(Event::Set(Box::new(route("orders", AuthType::None))));
    world.event(Event::Remove(id("orders")));
    world.event(Event::Set(Box::new(route("orders", AuthType::AwsIam))));
    let versions: Vec<_> = world.said["a"]
        .iter()
        .flat_map(|message| match message {
            Message::Change(change) => change
                .set
                .iter()
                .map(|resource| resource.version)
                .chain(change.removed.iter().map(|removed| removed.version))
                .collect(),
            _ => vec![],
        })
        .collect();
    assert_eq!(versions.len(), 4);
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
}

#[test]
fn a_short_break_moves_no_route() {
    let mut world = World::leading(1, &["a", "b"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    world.connect("b", Answer::Serve);
    let holder = world.reached("orders")[0].clone();
    let other = if holder == "a" { "b" } else { "a" };
    world.cut(&holder);
    world.pass(9 * SECOND);
    assert_eq!(world.reached("orders"), std::slice::from_ref(&holder));
    world.pass(2 * SECOND);
    assert_eq!(world.reached("orders"), [other], "a long one does");
}

#[test]
fn identities_are_told_when_they_change() {
    let mut world = World::leading(1, &["a", "b"], vec![]);
    let a = world.connect("a", Answer::Serve);
    let b = world.connect("b", Answer::Serve);
    let arn = "arn:aws:sts::111122223333:assumed-role/proxies/x";
    for (name, stream) in [("a", a), ("b", b)] {
        let identity = Some(Identity::IdentityArn(arn.to_owned()));
        world.event(Event::Report(proxy_id(name), stream, Report { identity, ..Report::default() }));
    }
    assert_eq!(world.state.identities(&id("orders")).arns, [arn]);
    assert_eq!(world.told.iter().filter(|event| **event == TableEvent::Identities).count(), 1);
    let identity = Some(Identity::CredentialsError("no role\nfound".to_owned()));
    world.event(Event::Report(proxy_id("b"), b, Report { identity, ..Report::default() }));
    assert_eq!(world.state.identities(&id("orders")).missing, ["no role found"]);
}

#[test]
fn a_routes_identities_are_those_of_the_proxies_that_it_is_given_to() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut world = World::leading(1, &names, vec![route("orders", AuthType::AwsIam)]);
    let said = |world: &mut World, name: &str, stream, identity| {
        let identity = Some(identity);
        world.event(Event::Report(proxy_id(name), stream, Report { identity, ..Report::default() }));
    };
    let arn = || Identity::IdentityArn("arn:aws:sts::111122223333:assumed-role/proxies/x".to_owned());
    let mut streams = BTreeMap::new();
    for name in names {
        let stream = world.connect(name, Answer::Serve);
        streams.insert(name.to_owned(), stream);
        said(&mut world, name, stream, arn());
    }
    let holder = world.reached("orders")[0].clone();
    let other = names.into_iter().find(|name| !world.reached("orders").contains(&(*name).to_owned())).unwrap();
    world.told.clear();
    said(&mut world, other, streams[other], Identity::CredentialsError("no role".to_owned()));
    assert_eq!(world.state.identities(&id("orders")).missing, [""; 0], "another route's proxy");
    assert!(!world.told.contains(&TableEvent::Programming(id("orders"))));
    said(&mut world, &holder, streams[&holder], Identity::CredentialsError("no role".to_owned()));
    assert_eq!(world.state.identities(&id("orders")).missing, ["no role"]);
    assert!(world.told.contains(&TableEvent::Programming(id("orders"))), "the route looks at it");
    said(&mut world, &holder, streams[&holder], arn());
    assert_eq!(world.state.identities(&id("orders")).missing, [""; 0]);
}

#[test]
fn a_cause_is_told_once_a_second_and_of_a_proxys_own_routes_only() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    let stream = world.connect("a", Answer::Serve);
    world.told.clear();
    let report = |route_id: &str| {
        let causes = vec![
            CauseCount { route_id: route_id.to_owned(), cause: "lambda_access_denied".to_owned(), count: 3 },
            CauseCount { route_id: route_id.to_owned(), cause: "function_error".to_owned(), count: 3 },
        ];
        Event::Report(proxy_id("a"), stream, Report { causes, ..Report::default() })
    };
    world.event(report("uid-of-foreign"));
    assert!(world.told.is_empty());
    world.event(report("uid-of-orders"));
    world.event(report("uid-of-orders"));
    assert_eq!(world.told.len(), 1);
    world.pass(SECOND);
    world.event(report("uid-of-orders"));
    assert_eq!(world.told.len(), 2);
}

#[test]
fn many_routes_are_shared_out_and_a_leaving_proxy_moves_only_its_share() {
    let routes: Vec<_> = (0..1_000).map(|i| route(&format!("r{i}"), AuthType::AwsIam)).collect();
    let names: Vec<_> = (0..10).map(|i| format!("proxy-{i}")).collect();
    let mut world = World::leading(4, &names.iter().map(String::as_str).collect::<Vec<_>>(), routes);
    for name in &names {
        world.connect(name, Answer::Serve);
    }
    let before: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), world.has(name))).collect();
    assert_eq!(before.values().map(BTreeSet::len).sum::<usize>(), 4_000);
    let stream = world.streams["proxy-3"];
    world.event(Event::Leaving(proxy_id("proxy-3"), stream));
    let moved: usize = names.iter().map(|name| world.has(name).difference(&before[name]).count()).sum();
    assert_eq!(moved, before["proxy-3"].len(), "each of its routes has one new proxy, no other route has");
    assert!(matches!(world.said["proxy-3"].last(), Some(Message::Left(_))));
}
