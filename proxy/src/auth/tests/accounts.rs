//! Tokens of the cluster's ServiceAccounts.

use lambdaroute_proxy_config::v1alpha1::{AllowedServiceAccount, ServiceAccountAuth};
use serde_json::{Value, json};

use super::token_issuer::{SigningKey, jwks};
use super::*;

const ISSUER: &str = "https://kubernetes.default.svc";

fn route(key: &SigningKey, allow: &[(&str, &str)]) -> Authentication {
    let key_sets = KeySets::default();
    program(&key_sets, "cluster", Keys::Jwks(jwks(&[key.jwk("k")])));
    let allow = allow.iter().map(|(namespace, name)| AllowedServiceAccount {
        namespace: (*namespace).to_owned(),
        name: (*name).to_owned(),
    });
    let method = ServiceAccountAuth {
        issuer: ISSUER.to_owned(),
        audience: "orders.shop".to_owned(),
        key_set: "cluster".to_owned(),
        allow: allow.collect(),
    };
    authentication(&[("pods", Kind::ServiceAccount(method))], &key_sets)
}

fn claims(sub: &str) -> Value {
    json!({"iss": ISSUER, "aud": ["orders.shop"], "sub": sub, "exp": NOW + 600, "iat": NOW, "nbf": NOW})
}

/// As the API server makes them: without a type.
fn token(key: &SigningKey, claims: &Value) -> String {
    key.token_with(&json!({"alg": "ES256", "kid": "k"}), claims)
}

#[test]
fn an_allowed_account_is_recognised_by_namespace_and_name() {
    let key = SigningKey::p256();
    let route = route(&key, &[("web", "checkout"), ("batch", "*")]);
    for (subject, expected) in [
        ("system:serviceaccount:web:checkout", "pods: web/checkout"),
        ("system:serviceaccount:batch:any", "pods: batch/any"),
        ("system:serviceaccount:web:other", "forbidden"),
        ("system:serviceaccount:batches:any", "forbidden"),
        ("system:serviceaccount:web:checkout:more", "forbidden"),
        ("system:serviceaccount:batch:", "forbidden"),
        ("system:serviceaccount:web", "unauthenticated"),
        ("system:node:web:checkout", "unauthenticated"),
        ("web:checkout", "unauthenticated"),
    ] {
        assert_eq!(who(&route, &bearer(&token(&key, &claims(subject)))), expected, "{subject}");
    }
}

#[test]
fn a_star_is_no_name_of_a_namespace() {
    let key = SigningKey::p256();
    let route = route(&key, &[("*", "checkout"), ("*", "*")]);
    let token = token(&key, &claims("system:serviceaccount:web:checkout"));
    assert_eq!(who(&route, &bearer(&token)), "forbidden");
}

#[test]
fn a_token_for_another_audience_or_of_another_cluster_is_none() {
    let key = SigningKey::p256();
    let route = route(&key, &[("web", "*")]);
    let with = |claim: &str, value: &str| {
        let mut claims = claims("system:serviceaccount:web:checkout");
        claims[claim] = value.into();
        who(&route, &bearer(&token(&key, &claims)))
    };
    assert_eq!(with("aud", "https://kubernetes.default.svc"), "unauthenticated");
    assert_eq!(with("aud", "lambdaroute.dev"), "unauthenticated");
    assert_eq!(with("iss", "https://other.cluster"), "unauthenticated");
    let forged = token(&SigningKey::p256(), &claims("system:serviceaccount:web:checkout"));
    assert_eq!(who(&route, &bearer(&forged)), "unauthenticated");
}

#[test]
fn such_a_token_never_leaves_admitted_or_not() {
    let key = SigningKey::p256();
    let route = route(&key, &[("web", "checkout")]);
    let authorization = |token: &str| HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let admitted = token(&key, &claims("system:serviceaccount:web:checkout"));
    assert!(!route.identify(&bearer(&admitted), NOW).caller.unwrap().may_pass_authorization);
    let mut expired = claims("system:serviceaccount:web:other");
    expired["exp"] = (NOW - 1000).into();
    let mut renamed = claims("somebody");
    renamed["aud"] = "elsewhere".into();
    for token in [&admitted, &token(&key, &expired), &token(&key, &renamed), &token(&SigningKey::ed25519(), &expired)] {
        assert!(route.must_stay(&authorization(token)), "{token}");
    }
    let mut other_cluster = claims("system:serviceaccount:web:checkout");
    other_cluster["iss"] = "https://other.cluster".into();
    let other_cluster = token(&key, &other_cluster);
    assert!(must_stay_anywhere(&authorization(&other_cluster)), "also where no method knows the issuer");
    assert!(must_stay_anywhere(&HeaderValue::from_str(&format!("Token token=\"{other_cluster}\"")).unwrap()));
    let mut user = claims("ann");
    user["iss"] = "https://idp.example".into();
    for value in ["Basic dXNlcjpwYXNz", "x", &format!("Bearer {}", token(&key, &user))] {
        assert!(!must_stay_anywhere(&HeaderValue::from_str(value).unwrap()), "{value}");
    }
}

#[test]
fn a_method_of_the_future_refuses_the_route() {
    let unknown = Auth { methods: vec![AuthMethod { name: "new".to_owned(), method: None }] };
    assert!(Authentication::new(&unknown, &KeySets::default()).is_err());
    assert!(Authentication::new(&Auth { methods: vec![] }, &KeySets::default()).is_err());
}
