//! Sources over time.

use k8s_openapi::ByteString;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys as Shipped;

use super::super::problem::Problem;
use super::super::secret;
use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const WEB: &str = "web-key-0123456789abcdef";
const JWKS: &str = r#"{"keys":[{"kty":"OKP"}]}"#;

fn route(name: &str) -> Name {
    ("shop".to_owned(), name.to_owned())
}

fn named(name: &str) -> SecretName {
    SecretName { namespace: "shop".into(), name: name.into() }
}

fn keys() -> Need {
    Need::ApiKeys(named("consumers"))
}

fn gateway() -> Need {
    Need::Value(named("gateway"), "key".into())
}

fn idp() -> Issuer {
    Issuer::At("https://idp.example/jwks".into())
}

fn state() -> State {
    State::new(["shop".to_owned()].into(), HOUR)
}

fn present(state: &State, name: &str, data: &[(&str, &str)]) -> Known {
    let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()))).collect();
    Known::Present(secret::take(&data, &state.uses(&named(name)).unwrap()))
}

fn fetched(public: &str) -> Result<Fetched, FetchError> {
    Ok(Fetched { public: public.to_owned(), max_age: None, issuer: None })
}

#[test]
fn a_secret_is_read_once_it_is_wanted_and_its_keys_go_to_proxies() {
    let (mut state, now) = (state(), Instant::now());
    let effects = state.want(&route("a"), [keys()].into(), now);
    assert_eq!(effects, Effects { read: [named("consumers")].into(), ..Effects::default() });
    assert_eq!(state.problems(&[keys()].into()), None, "nothing is known yet");
    assert!(!state.is_settled());
    let known = present(&state, "consumers", &[("web", WEB)]);
    let effects = state.secret_read(&named("consumers"), known.clone());
    assert_eq!(effects.routes, [route("a")].into());
    let [(need, Some(KeySet { keys: Some(Shipped::Consumers(consumers)) }))] = &effects.key_sets[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((need, consumers.consumers.len()), (&keys(), 1));
    assert_eq!(state.problems(&[keys()].into()), Some(vec![]));
    assert!(state.is_settled());
    assert_eq!(state.secret_read(&named("consumers"), known), Effects::default(), "nothing follows from no change");
}

#[test]
fn a_change_concerns_exactly_the_routes_that_use_it() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [keys()].into(), now);
    state.want(&route("b"), [keys(), gateway()].into(), now);
    state.want(&route("c"), [Need::Keys(idp())].into(), now);
    assert_eq!(state.secret_read(&named("consumers"), Known::Missing).routes, [route("a"), route("b")].into());
    assert_eq!(state.secret_read(&named("gateway"), Known::Missing).routes, [route("b")].into());
    assert_eq!(state.begin_fetch(now, true), Some(idp()));
    assert_eq!(state.end_fetch(&idp(), fetched(JWKS), now, 0.5).routes, [route("c")].into());
}

#[test]
fn a_namespace_that_is_not_listed_is_never_read() {
    let (mut state, now) = (State::new(BTreeSet::new(), HOUR), Instant::now());
    let effects = state.want(&route("a"), [keys(), gateway()].into(), now);
    assert_eq!(effects.read, BTreeSet::new());
    let problems = state.problems(&[keys(), gateway()].into()).unwrap();
    assert_eq!(problems, [Problem::NotPermitted(named("consumers")), Problem::NotPermitted(named("gateway"))]);
    assert!(state.is_settled());
}

#[test]
fn keys_of_a_secret_that_is_gone_or_not_readable_any_more_stop() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [keys()].into(), now);
    for (known, problem) in [
        (Known::Missing, Problem::Missing(named("consumers"))),
        (Known::NotPermitted, Problem::NotPermitted(named("consumers"))),
    ] {
        let there = present(&state, "consumers", &[("web", WEB)]);
        state.secret_read(&named("consumers"), there);
        assert_eq!(state.readable("shop"), [named("consumers")].into());
        let effects = state.secret_read(&named("consumers"), known);
        assert_eq!(effects.key_sets, [(keys(), None)]);
        assert_eq!(effects.routes, [route("a")].into());
        assert_eq!(state.problems(&[keys()].into()), Some(vec![problem]));
    }
    assert_eq!(state.readable("shop"), BTreeSet::new(), "it was refused: its time comes by itself");
}

#[test]
fn a_value_is_there_once_it_is_read_and_what_is_newly_used_is_read_again() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [gateway()].into(), now);
    let known = present(&state, "gateway", &[("key", "planted"), ("other", "another")]);
    state.secret_read(&named("gateway"), known);
    assert_eq!(state.value(&named("gateway"), "key"), Some(SecretValue(b"planted".to_vec())));
    let other = Need::Value(named("gateway"), "other".into());
    assert_eq!(state.value(&named("gateway"), "other"), None, "what nobody uses isn't kept");
    let effects = state.want(&route("b"), [other.clone()].into(), now);
    assert_eq!(effects.read, [named("gateway")].into());
    assert_eq!(state.problems(&[other.clone()].into()), None);
    assert_eq!(state.problems(&[gateway()].into()), Some(vec![]), "what is there goes on meanwhile");
    let known = present(&state, "gateway", &[("key", "planted")]);
    state.secret_read(&named("gateway"), known);
    let missing = Problem::Value(named("gateway"), "other".into(), secret::UnusableValue::Missing);
    assert_eq!(state.problems(&[other].into()), Some(vec![missing]));
}

#[test]
fn what_no_route_uses_any_more_is_forgotten_and_taken_from_proxies() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [keys(), Need::Keys(idp())].into(), now);
    let known = present(&state, "consumers", &[("web", WEB)]);
    state.secret_read(&named("consumers"), known.clone());
    let effects = state.want(&route("a"), BTreeSet::new(), now);
    assert_eq!(effects.key_sets, [(keys(), None), (Need::Keys(idp()), None)]);
    assert_eq!(state.uses(&named("consumers")), None);
    assert_eq!(state.next_fetch(true), None);
    assert_eq!(state.secret_read(&named("consumers"), known), Effects::default(), "a read that comes too late");
    assert_eq!(state.end_fetch(&idp(), fetched(JWKS), now, 0.5).key_sets, [], "a fetch that comes too late");
}

#[test]
fn keys_are_fetched_once_for_all_routes_and_not_twice_at_once() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [Need::Keys(idp())].into(), now);
    assert!(state.want(&route("b"), [Need::Keys(idp())].into(), now).fetch);
    assert_eq!(state.next_fetch(true), Some(now));
    assert_eq!(state.begin_fetch(now, true), Some(idp()));
    assert_eq!((state.begin_fetch(now, true), state.next_fetch(true)), (None, None));
    let effects = state.end_fetch(&idp(), fetched(JWKS), now, 0.5);
    assert_eq!(effects.key_sets.len(), 1);
    assert_eq!(effects.routes, [route("a"), route("b")].into());
    assert_eq!(state.next_fetch(true), Some(now + HOUR));
    assert_eq!(state.end_fetch(&idp(), fetched(JWKS), now, 0.5).key_sets, [], "equal keys aren't shipped again");
}

fn host(name: &str) -> Issuer {
    Issuer::At(format!("https://{name}.example/jwks"))
}

#[test]
fn whose_fetches_are_slow_keeps_nobody_elses_waiting() {
    let (mut state, now) = (state(), Instant::now());
    let slow: BTreeSet<Need> = (0..180).map(|n| Need::Keys(host(&format!("a{n}")))).collect();
    state.want(&("greedy".to_owned(), "a".to_owned()), slow, now);
    let later = now + Duration::from_secs(1);
    state.want(&route("a"), [Need::Keys(host("z")), Need::Keys(Issuer::Discovered("z".into()))].into(), later);
    state.want(&route("b"), [Need::Keys(Issuer::Cluster)].into(), later);
    assert_eq!(state.begin_fetch(now, true), Some(host("a0")));
    assert_eq!(state.begin_fetch(later, true), Some(Issuer::Cluster), "the cluster's own first");
    assert_eq!(state.begin_fetch(later, true), Some(host("z")), "a namespace with none under way before one with one");
    // Both have one now.
    assert_eq!(state.begin_fetch(later, true), Some(host("a1")), "who has waited longest");
    assert_eq!(state.begin_fetch(later, true), Some(Issuer::Discovered("z".into())));
}

#[test]
fn who_has_waited_longest_is_fetched_first_and_the_clusters_keys_need_no_room() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("z"), [Need::Keys(host("z"))].into(), now);
    let later = now + Duration::from_secs(1);
    state.want(&route("a"), [Need::Keys(host("a")), Need::Keys(Issuer::Cluster)].into(), later);
    assert_eq!((state.next_fetch(true), state.next_fetch(false)), (Some(now), Some(later)));
    assert_eq!(state.begin_fetch(later, false), Some(Issuer::Cluster));
    assert_eq!((state.begin_fetch(later, false), state.next_fetch(false)), (None, None));
    assert_eq!(state.begin_fetch(later, true), Some(host("z")));
    assert_eq!(state.begin_fetch(later, true), Some(host("a")));
}

#[test]
fn keys_that_were_had_are_served_on_when_fetches_fail() {
    let (mut state, now) = (state(), Instant::now());
    let needs = [Need::Keys(idp())].into();
    state.want(&route("a"), [Need::Keys(idp())].into(), now);
    let effects = state.end_fetch(&idp(), Err(FetchError::Timeout), now, 0.5);
    assert_eq!(effects.routes, [route("a")].into());
    assert_eq!(state.problems(&needs), Some(vec![Problem::NoKeys(idp(), FetchError::Timeout)]));
    let again = state.end_fetch(&idp(), Err(FetchError::Timeout), now, 0.5);
    assert_eq!(again.routes, BTreeSet::new(), "the same failure says nothing new");
    state.end_fetch(&idp(), fetched(JWKS), now, 0.5);
    let effects = state.end_fetch(&idp(), Err(FetchError::Timeout), now, 0.5);
    assert_eq!((effects.key_sets, effects.routes), (vec![], BTreeSet::new()));
    assert_eq!(state.problems(&needs), Some(vec![]));
    assert_eq!(state.failing(&idp()), (1, true));
}

#[test]
fn an_issuer_that_publishes_no_usable_key_is_believed_and_named() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [Need::Keys(idp())].into(), now);
    state.end_fetch(&idp(), fetched(JWKS), now, 0.5);
    let effects = state.end_fetch(&idp(), fetched(r#"{"keys":[]}"#), now, 0.5);
    assert_eq!(effects.key_sets.len(), 1);
    assert_eq!(state.problems(&[Need::Keys(idp())].into()), Some(vec![Problem::NoUsableKeys(idp())]));
}

#[test]
fn the_clusters_issuer_is_known_once_it_is_fetched() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [Need::Keys(Issuer::Cluster)].into(), now);
    assert_eq!((state.cluster_issuer(), state.is_settled()), (None, false));
    let issuer = Some("https://kubernetes.default.svc".to_owned());
    let keys = Fetched { public: JWKS.to_owned(), max_age: None, issuer: issuer.clone() };
    state.end_fetch(&Issuer::Cluster, Ok(keys), now, 0.5);
    assert_eq!((state.cluster_issuer(), state.is_settled()), (issuer, true));
}

#[test]
fn an_unknown_key_has_the_set_fetched_again() {
    let (mut state, now) = (state(), Instant::now());
    state.want(&route("a"), [Need::Keys(idp())].into(), now);
    state.begin_fetch(now, true);
    state.end_fetch(&idp(), fetched(JWKS), now, 0.5);
    let later = now + HOUR / 10;
    assert_eq!(state.begin_fetch(later, true), None);
    let id = Need::Keys(idp()).key_set().unwrap();
    assert!(state.unknown_key(&id, later).fetch);
    assert_eq!(state.begin_fetch(later, true), Some(idp()));
    state.unknown_key(&KeySetId::cluster(), later);
    assert_eq!(state.begin_fetch(later, true), None, "what nobody wants isn't fetched");
}
