//! Who uses what.

use super::*;

fn route(name: &str) -> Name {
    ("shop".to_owned(), name.to_owned())
}

fn secret(name: &str) -> SecretName {
    SecretName { namespace: "shop".into(), name: name.into() }
}

fn value(name: &str, key: &str) -> Need {
    Need::Value(secret(name), key.into())
}

#[test]
fn a_source_knows_exactly_the_routes_that_use_it() {
    let mut needs = Needs::default();
    let keys = Need::ApiKeys(secret("consumers"));
    needs.set(&route("a"), [keys.clone(), Need::Keys(Issuer::Cluster)].into());
    needs.set(&route("b"), [value("consumers", "x")].into());
    needs.set(&route("c"), [value("gateway", "key")].into());
    assert_eq!(needs.users(&Source::Secret(secret("consumers"))), [route("a"), route("b")].into());
    assert_eq!(needs.users(&Source::Issuer(Issuer::Cluster)), [route("a")].into());
    assert_eq!(needs.issuers(), [Issuer::Cluster].into());
    let changed = needs.set(&route("a"), BTreeSet::new());
    assert_eq!(changed, [Source::Secret(secret("consumers")), Source::Issuer(Issuer::Cluster)].into());
    assert!(!needs.has(&keys) && needs.issuers().is_empty());
    assert_eq!(needs.users(&Source::Secret(secret("consumers"))), [route("b")].into());
}

#[test]
fn nothing_changes_when_a_route_needs_what_it_needed() {
    let mut needs = Needs::default();
    assert_eq!(needs.set(&route("a"), [value("gateway", "key")].into()).len(), 1);
    assert_eq!(needs.set(&route("a"), [value("gateway", "key")].into()), BTreeSet::new());
}

#[test]
fn of_a_secret_only_what_is_used_is_named() {
    let mut needs = Needs::default();
    needs.set(&route("a"), [value("gateway", "one"), value("gateway-2", "other")].into());
    needs.set(&route("b"), [value("gateway", "two"), Need::ApiKeys(secret("gateway-2"))].into());
    let uses = needs.uses(&secret("gateway")).unwrap();
    assert_eq!(uses, Uses { api_keys: false, values: ["one".to_owned(), "two".to_owned()].into() });
    assert!(needs.uses(&secret("gateway-2")).unwrap().api_keys);
    assert_eq!(needs.uses(&secret("other")), None);
    assert_eq!(needs.secrets("shop"), [secret("gateway"), secret("gateway-2")].into());
    assert_eq!(needs.secrets("other"), BTreeSet::new());
}

#[test]
fn a_manifest_needs_what_its_methods_and_headers_refer_to() {
    let spec: lambdaroute_crds::LambdaRouteSpec = serde_yaml_ng::from_str(
        "
        auth:
          methods:
            - {name: keys, type: APIKey, apiKey: {secretRefs: [{name: consumers}], consumers: []}}
            - {name: idp, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [orders]}}
            - {name: other, type: JWT, jwt: {issuer: 'https://other.example', audiences: [a], jwksURI: 'https://k.example/jwks'}}
            - {name: pods, type: ServiceAccount, serviceAccount: {allow: [{namespace: web, name: checkout}]}}
        requestHeaders:
          set:
            - {name: x-stage, value: prod}
            - {name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}
        ",
    )
    .unwrap();
    let needs = Need::of("shop", spec.auth.as_ref(), spec.request_headers.as_ref());
    let expected = [
        Need::ApiKeys(secret("consumers")),
        Need::Keys(Issuer::Discovered("https://idp.example".into())),
        Need::Keys(Issuer::At("https://k.example/jwks".into())),
        Need::Keys(Issuer::Cluster),
        value("gateway", "key"),
    ];
    assert_eq!(needs, expected.into());
    assert_eq!(Need::of("shop", None, None), BTreeSet::new());
}
