//! Words for status.

use super::super::api_keys::Why;
use super::*;

fn secret() -> SecretName {
    SecretName { namespace: "shop".into(), name: "orders-consumers".into() }
}

#[test]
fn each_problem_names_its_subject_and_its_remedy() {
    let refused = vec![Refused { consumer: "web".into(), why: Why::TooShort }];
    let at = Issuer::At("https://idp.example/jwks".into());
    for (problem, reason, parts) in [
        (Problem::NotPermitted(secret()), Reason::RefNotPermitted, ["secretNamespaces", "namespace shop"]),
        (Problem::Missing(secret()), Reason::SecretNotFound, ["orders-consumers", "create it"]),
        (
            Problem::Value(secret(), "key".into(), UnusableValue::Missing),
            Reason::SecretNotFound,
            ["key key of the Secret orders-consumers", "no such key"],
        ),
        (Problem::Refused(secret(), refused), Reason::KeysUnavailable, ["consumer web", "16 characters"]),
        (
            Problem::NoKeys(at.clone(), FetchError::NotAllowed),
            Reason::KeysUnavailable,
            ["https://idp.example/jwks", "privateRanges"],
        ),
        (Problem::NoUsableKeys(at), Reason::KeysUnavailable, ["https://idp.example/jwks", "2048 bits"]),
    ] {
        assert_eq!(problem.reason(), reason);
        let message = problem.message();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn the_condition_has_the_first_cause_and_the_words_of_all() {
    assert_eq!(resolution(None), Resolution::Unknown);
    assert_eq!(resolution(Some(vec![])), Resolution::Resolved);
    let at = Issuer::At("https://idp.example/jwks".into());
    let problems = vec![Problem::NoKeys(at, FetchError::Timeout), Problem::NotPermitted(secret())];
    let Resolution::Unresolved { reason, actor, message } = resolution(Some(problems)) else { unreachable!() };
    assert_eq!((reason, actor), (Reason::RefNotPermitted, Actor::Platform));
    assert!(message.contains("secretNamespaces") && message.contains("idp.example"), "{message}");
}
