//! API keys.

use crate::sha256::sha256;
use lambdaroute_proxy_config::v1alpha1::{ApiKeyAuth, Consumer, Consumers};

use super::*;

fn consumer(name: &str, keys: &[&str]) -> Consumer {
    Consumer { name: name.to_owned(), sha256: keys.iter().map(|key| sha256(key.as_bytes()).to_vec()).collect() }
}

fn program_consumers(key_sets: &KeySets, id: &str, consumers: Vec<Consumer>) {
    program(key_sets, id, Keys::Consumers(Consumers { consumers }));
}

fn by_key(key_sets: &KeySets, ids: &[&str]) -> Authentication {
    let ids = ids.iter().map(|&id| id.to_owned()).collect();
    authentication(&[("keys", Kind::ApiKey(ApiKeyAuth { header: "x-api-key".to_owned(), key_sets: ids }))], key_sets)
}

fn with_key(key: &str) -> HeaderMap {
    headers(&[("x-api-key", key)])
}

#[test]
fn a_consumer_is_recognised_by_each_of_its_keys_in_any_of_the_key_sets() {
    let key_sets = KeySets::default();
    program_consumers(&key_sets, "a", vec![consumer("web", &["old-key-of-web-1", "new-key-of-web-1"])]);
    program_consumers(&key_sets, "b", vec![consumer("batch", &["the-key-of-batch"])]);
    let route = by_key(&key_sets, &["a", "b"]);
    assert_eq!(who(&route, &with_key("old-key-of-web-1")), "keys: web");
    assert_eq!(who(&route, &with_key("new-key-of-web-1")), "keys: web");
    assert_eq!(who(&route, &with_key("the-key-of-batch")), "keys: batch");
}

#[test]
fn what_is_no_key_recognises_nobody() {
    let key_sets = KeySets::default();
    program_consumers(&key_sets, "a", vec![consumer("web", &["the-key-of-web-1", ""])]);
    let route = by_key(&key_sets, &["a"]);
    let digest = hex::encode(sha256(b"the-key-of-web-1"));
    for key in ["", "the-key-of-web-", "the-key-of-web-12", "THE-KEY-OF-WEB-1", &digest, "web", "k, the-key-of-web-1"] {
        assert_eq!(who(&route, &with_key(key)), "unauthenticated", "{key}");
    }
    assert_eq!(who(&route, &HeaderMap::new()), "unauthenticated");
    assert_eq!(who(&route, &bearer("the-key-of-web-1")), "unauthenticated", "nor is it one in another header");
    let twin = headers(&[("x_api_key", "the-key-of-web-1")]);
    assert_eq!(who(&route, &twin), "unauthenticated", "nor in the header's twin");
}

#[test]
fn two_keys_are_none() {
    let key_sets = KeySets::default();
    program_consumers(&key_sets, "a", vec![consumer("web", &["the-key-of-web-1"])]);
    let two = headers(&[("x-api-key", "the-key-of-web-1"), ("x-api-key", "the-key-of-web-1")]);
    assert_eq!(who(&by_key(&key_sets, &["a"]), &two), "unauthenticated");
}

#[test]
fn a_route_follows_its_key_sets_without_being_programmed_again() {
    let key_sets = KeySets::default();
    let route = by_key(&key_sets, &["a"]);
    let request = with_key("the-key-of-web-1");
    assert_eq!(who(&route, &request), "unauthenticated", "a key set that isn't there recognises nobody");
    program_consumers(&key_sets, "a", vec![consumer("web", &["the-key-of-web-1"])]);
    assert_eq!(who(&route, &request), "keys: web");
    program_consumers(&key_sets, "a", vec![consumer("web", &["another-key-of-w"])]);
    assert_eq!(who(&route, &request), "unauthenticated", "revoked");
    program_consumers(&key_sets, "a", vec![consumer("web", &["the-key-of-web-1"])]);
    key_sets.program(vec![Step::Remove(reference("a"))]);
    assert_eq!(who(&route, &request), "unauthenticated", "removed");
}

#[test]
fn keys_of_tokens_are_no_keys_of_consumers() {
    let key_sets = KeySets::default();
    program(&key_sets, "a", Keys::Jwks(token_issuer::jwks(&[])));
    assert_eq!(who(&by_key(&key_sets, &["a"]), &with_key("the-key-of-web-1")), "unauthenticated");
}

#[test]
fn the_challenge_names_what_the_route_wants_and_nothing_else() {
    let key_sets = KeySets::default();
    program_consumers(&key_sets, "a", vec![consumer("web", &["the-key-of-web-1"])]);
    let route = by_key(&key_sets, &["a"]);
    let none = route.identify(&HeaderMap::new(), NOW).caller.unwrap_err();
    let wrong = route.identify(&with_key("another-key-of-w"), NOW).caller.unwrap_err();
    assert_eq!(none, wrong, "no oracle");
    assert_eq!(none.challenges, ["ApiKey realm=\"lambdaroute\""]);
    assert!(none.detail.contains("an API key in x-api-key"), "{}", none.detail);
}

#[test]
fn an_authorization_with_the_same_key_must_not_leave_either() {
    let key_sets = KeySets::default();
    program_consumers(&key_sets, "a", vec![consumer("web", &["the-key-of-web-1"])]);
    let route = by_key(&key_sets, &["a"]);
    let may_pass = |authorization: &str| {
        let headers = headers(&[("x-api-key", "the-key-of-web-1"), ("authorization", authorization)]);
        route.identify(&headers, NOW).caller.unwrap().may_pass_authorization
    };
    assert!(may_pass("Basic dXNlcjpwYXNz"));
    assert!(!may_pass("ApiKey the-key-of-web-1"));
}
