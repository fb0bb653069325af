//! Changes that take rights away are acknowledged in time, or the proxy leaves the slice.

use super::super::tightening::{is_tightening, only_adds};
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

fn jwt(audiences: &[&str], key_set: &str) -> Route {
    let mut route = route("r", AuthType::AwsIam).route;
    let audiences = audiences.iter().map(|&audience| audience.to_owned()).collect();
    let method = Method::Jwt(v1alpha1::JwtAuth { audiences, key_set: key_set.to_owned(), ..Default::default() });
    route.auth = Some(v1alpha1::Auth { methods: vec![AuthMethod { name: "idp".to_owned(), method: Some(method) }] });
    route
}

#[test]
fn fewer_callers_are_a_tightening_and_more_are_not() {
    let open = route("r", AuthType::AwsIam).route;
    let (one, two) = (jwt(&["a"], "k"), jwt(&["a", "b"], "k"));
    assert!(!is_tightening(&one, &two) && is_tightening(&two, &one));
    assert!(is_tightening(&open, &one) && !is_tightening(&one, &open));
    assert!(is_tightening(&one, &jwt(&["a"], "other")));
    let (few, many) = (guarded("r", &["k"]).route, guarded("r", &["k", "l"]).route);
    assert!(!is_tightening(&few, &many) && is_tightening(&many, &few));
    assert!(is_tightening(&few, &one), "another way to prove oneself isn't the same");
    let mut both = one.clone();
    both.auth.as_mut().expect("it has auth").methods.extend(few.auth.expect("it has auth").methods);
    assert!(!is_tightening(&one, &both) && is_tightening(&both, &one));
    let mut claims = one.clone();
    if let Some(Method::Jwt(jwt)) = &mut claims.auth.as_mut().expect("it has auth").methods[0].method {
        jwt.required_claims.push(v1alpha1::RequiredClaim { claim: "scope".to_owned(), ..Default::default() });
    }
    assert!(is_tightening(&one, &claims) && !is_tightening(&claims, &one));
}

#[test]
fn fewer_service_accounts_are_a_tightening() {
    let allowing = |names: &[&str]| {
        let mut route = route("r", AuthType::AwsIam).route;
        let allow =
            |name: &&str| v1alpha1::AllowedServiceAccount { namespace: "web".to_owned(), name: (*name).to_owned() };
        let allow = names.iter().map(allow).collect();
        let method = Method::ServiceAccount(v1alpha1::ServiceAccountAuth { allow, ..Default::default() });
        route.auth =
            Some(v1alpha1::Auth { methods: vec![AuthMethod { name: "pods".to_owned(), method: Some(method) }] });
        route
    };
    assert!(is_tightening(&allowing(&["a", "b"]), &allowing(&["a"])));
    assert!(!is_tightening(&allowing(&["a"]), &allowing(&["b", "a"])));
}

#[test]
fn fewer_addresses_are_a_tightening() {
    let ranges = |allow: &[&str], deny: &[&str]| {
        let all = |blocks: &[&str]| blocks.iter().map(|&block| block.to_owned()).collect();
        let source_ranges = Some(v1alpha1::SourceRanges { allow: all(allow), deny: all(deny) });
        Route { source_ranges, ..route("r", AuthType::AwsIam).route }
    };
    let open = route("r", AuthType::AwsIam).route;
    assert!(
        is_tightening(&open, &ranges(&["10.0.0.0/8"], &[])) && !is_tightening(&ranges(&["10.0.0.0/8"], &[]), &open)
    );
    assert!(is_tightening(&ranges(&["10.0.0.0/8", "::/0"], &[]), &ranges(&["10.0.0.0/8"], &[])));
    assert!(is_tightening(&ranges(&[], &["10.9.0.0/16"]), &ranges(&["10.0.0.0/8"], &["10.9.0.0/16"])));
    assert!(!is_tightening(&ranges(&["10.0.0.0/8"], &[]), &ranges(&[], &[])), "no allow is any address");
    assert!(is_tightening(&ranges(&[], &[]), &ranges(&[], &["10.9.0.0/16"])));
    assert!(!is_tightening(&ranges(&[], &["10.9.0.0/16"]), &ranges(&[], &[])));
}

#[test]
fn what_says_nothing_of_who_may_call_is_no_tightening() {
    let old = route("r", AuthType::AwsIam).route;
    let mut new = Route { max_request_body: 1, cors: Some(v1alpha1::Cors::default()), ..old.clone() };
    new.requires = feature::of(&new).into_iter().map(str::to_owned).collect();
    assert!(!is_tightening(&old, &new));
    new.concurrency = Some(v1alpha1::Concurrency { max: 1 });
    new.requires = feature::of(&new).into_iter().map(str::to_owned).collect();
    assert!(is_tightening(&old, &new), "a limit guards the function");
}

#[test]
fn a_key_that_is_gone_or_means_another_is_a_tightening_and_one_more_is_not() {
    assert!(only_adds(&keys(&["a"]), &keys(&["b", "a"])));
    assert!(!only_adds(&keys(&["a", "b"]), &keys(&["a"])));
    let renamed = Consumer { name: "z".to_owned(), sha256: vec![b"a".to_vec()] };
    let with = |consumer: Consumer| KeySet { keys: Some(Keys::Consumers(Consumers { consumers: vec![consumer] })) };
    assert!(!only_adds(&keys(&["a"]), &with(renamed)), "another consumer has other limits");
    let jwks = |text: &str| KeySet { keys: Some(Keys::Jwks(text.to_owned())) };
    let (one, other) = (r#"{"kid":"1","n":"x"}"#, r#"{"kid":"2","n":"y"}"#);
    let old = jwks(&format!(r#"{{"keys":[{one}]}}"#));
    assert!(only_adds(&old, &jwks(&format!(r#"{{"keys":[{other}, {one}], "x": 1}}"#))));
    assert!(!only_adds(&old, &jwks(&format!(r#"{{"keys":[{other}]}}"#))));
    assert!(!only_adds(&old, &jwks(&format!(r#"{{"keys":[{one},{{"kid":"1","n":"y"}}]}}"#))), "one id, two keys");
    assert!(!only_adds(&old, &jwks("not json")) && !only_adds(&old, &keys(&["a"])));
}

/// A proxy with a guarded route, whose stream is cut.
fn cut_off(names: &[&str]) -> World {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"]), guarded("carts", &["idp"])]);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(names)));
    world.connect("a", Answer::Serve);
    world.cut("a");
    world
}

#[test]
fn a_proxy_that_doesnt_give_up_a_key_leaves_every_route_that_uses_it_even_as_the_last() {
    let mut world = cut_off(&["alice", "bob"]);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice"])));
    world.pass(Duration::from_millis(4_999));
    assert_eq!(world.reached("orders"), ["a"]);
    world.pass(Duration::from_millis(1));
    assert!(world.reached("orders").is_empty() && world.reached("carts").is_empty());
    world.hello("a", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    assert_eq!((world.reached("orders"), world.reached("carts")), (vec!["a".to_owned()], vec!["a".to_owned()]));
}

#[test]
fn a_connected_proxy_that_keeps_silent_leaves_too() {
    let mut world = World::leading(1, &["a"], vec![guarded("orders", &["idp"])]);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice"])));
    world.connect("a", Answer::Serve);
    world.answers.insert("a".to_owned(), Answer::Silence);
    world.event(Event::RemoveKeySet(key_set_id("idp")));
    world.pass(4 * SECOND);
    // More keys meanwhile give no more time.
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["carol"])));
    world.pass(SECOND);
    assert!(world.reached("orders").is_empty());
}

#[test]
fn a_key_that_is_added_takes_nobody_out() {
    let mut world = cut_off(&["alice"]);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice", "bob"])));
    world.pass(60 * SECOND);
    assert_eq!(world.reached("orders"), ["a"]);
}

#[test]
fn the_slice_tells_what_guards_all_of_its_endpoints() {
    let mut world = World::leading(2, &["a", "b"], vec![guarded("orders", &["idp"])]);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice"])));
    world.connect("a", Answer::Serve);
    let alone = slices::guard_of(&world.slice("orders")).expect("it is guarded");
    world.connect("b", Answer::Serve);
    assert_eq!(slices::guard_of(&world.slice("orders")).as_ref(), Some(&alone));
    world.answers.insert("b".to_owned(), Answer::Silence);
    world.event(Event::SetKeySet(key_set_id("idp"), keys(&["alice", "bob"])));
    assert_eq!(slices::guard_of(&world.slice("orders")), None, "nobody can tell which of the two b has");
    world.hello("b", Answer::Serve, feature::SUPPORTED, Some(Version { epoch: EPOCH, counter: 1 }));
    let later = slices::guard_of(&world.slice("orders")).expect("it is guarded");
    assert_eq!((&later.route, later.keys == alone.keys), (&alone.route, false));
}

#[test]
fn an_open_route_has_no_guard() {
    let mut world = World::leading(1, &["a"], vec![route("orders", AuthType::AwsIam)]);
    world.connect("a", Answer::Serve);
    assert_eq!(slices::guard_of(&world.slice("orders")), None);
}
