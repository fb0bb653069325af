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
