//! What a proxy refuses, and with which reason.

use std::collections::BTreeSet;

use crate::feature::SUPPORTED;
use crate::v1alpha1::auth_method::Method;
use crate::v1alpha1::limit_key::Key;
use crate::v1alpha1::{
    AllowedServiceAccount, ApiKeyAuth, Auth, AuthMethod, AuthType, ClaimType, ConsumerKey, Cors, ForwardClaim,
    FunctionUrl, InvokeMode, JwtAuth, LimitKey, RateLimit, RefusalReason, RequestHeaders, RequiredClaim, Route,
    ServiceAccountAuth, SetHeader, SourceRanges, route::Upstream,
};
use crate::{Invalid, feature, validate_route};

fn upstream() -> FunctionUrl {
    FunctionUrl {
        host: "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type: AuthType::AwsIam.into(),
        invoke_mode: InvokeMode::Buffered.into(),
        function_arn: "arn:aws:lambda:eu-west-1:111122223333:function:orders".into(),
    }
}

fn route(upstream: FunctionUrl) -> Route {
    Route {
        namespace: "shop".into(),
        name: "orders".into(),
        port: 10_000,
        requires: vec!["function-url".into()],
        upstream: Some(Upstream::FunctionUrl(upstream)),
        ..Route::default()
    }
}

fn check(route: &Route) -> Result<(), Invalid> {
    validate_route(route, &BTreeSet::from_iter(SUPPORTED.iter().copied()))
}

#[test]
fn a_route_to_a_function_url_is_served() {
    assert_eq!(check(&route(upstream())), Ok(()));
}

#[test]
fn a_feature_from_the_future_is_refused_before_anything_else_is_judged() {
    let mut route = route(FunctionUrl { auth_type: 77, ..upstream() });
    route.requires.push("time-travel".into());
    let refusal = check(&route).unwrap_err();
    assert_eq!(refusal, Invalid::UnsupportedFeature("time-travel".into()));
    assert_eq!(refusal.reason(), RefusalReason::UnsupportedFeature);
}

#[test]
fn an_unknown_enum_number_is_refused_and_never_read_as_a_default() {
    for upstream in [
        FunctionUrl { auth_type: 0, ..upstream() },
        FunctionUrl { auth_type: 9, ..upstream() },
        FunctionUrl { invoke_mode: 0, ..upstream() },
        FunctionUrl { invoke_mode: 9, ..upstream() },
    ] {
        assert!(matches!(check(&route(upstream)), Err(Invalid::UnknownEnum { .. })));
    }
}

#[test]
fn a_host_that_is_no_function_url_of_the_region_is_refused() {
    for host in [
        "",
        "example.com",
        "abc.lambda-url.us-east-1.on.aws",
        "abc.lambda-url.eu-west-1.on.aws.evil.example",
        "a/b.lambda-url.eu-west-1.on.aws",
        "ABC.lambda-url.eu-west-1.on.aws",
        "a.b.lambda-url.eu-west-1.on.aws",
        "abc.lambda-url.eu-west-1.on.aws:8080",
    ] {
        assert!(
            matches!(check(&route(FunctionUrl { host: host.into(), ..upstream() })), Err(Invalid::Host(_))),
            "{host}"
        );
    }
}

#[test]
fn a_route_without_a_port_a_name_or_an_upstream_is_refused() {
    assert_eq!(check(&Route { port: 0, ..route(upstream()) }), Err(Invalid::Port(0)));
    assert_eq!(check(&Route { port: 65_536, ..route(upstream()) }), Err(Invalid::Port(65_536)));
    assert_eq!(check(&Route { name: String::new(), ..route(upstream()) }), Err(Invalid::Empty("name")));
    assert_eq!(check(&Route { upstream: None, ..route(upstream()) }), Err(Invalid::Upstream));
}

fn method(method: Method) -> Auth {
    Auth { methods: vec![AuthMethod { name: "idp".into(), method: Some(method) }] }
}

fn jwt() -> JwtAuth {
    JwtAuth {
        issuer: "https://idp.example".into(),
        audiences: vec!["orders".into()],
        key_set: "idp".into(),
        required_claims: vec![RequiredClaim {
            claim: "scope".into(),
            r#type: ClaimType::SpaceDelimited.into(),
            any_of: vec!["orders:write".into()],
        }],
        forward_claims: vec![],
    }
}

fn service_account() -> ServiceAccountAuth {
    ServiceAccountAuth {
        issuer: "https://kubernetes.default.svc".into(),
        audience: "orders.shop".into(),
        key_set: "cluster".into(),
        allow: vec![AllowedServiceAccount { namespace: "web".into(), name: "*".into() }],
    }
}

fn limit() -> RateLimit {
    let keys = vec![LimitKey { key: Some(Key::Consumer(ConsumerKey {})) }];
    RateLimit { name: "everyone".into(), requests: 100, interval_ms: 1000, burst: 200, keys }
}

#[test]
fn a_list_that_admits_somebody_is_refused_when_it_is_empty() {
    let empty = [
        Auth { methods: vec![] },
        method(Method::Jwt(JwtAuth { audiences: vec![], ..jwt() })),
        method(Method::ServiceAccount(ServiceAccountAuth { allow: vec![], ..service_account() })),
        method(Method::ApiKey(ApiKeyAuth { header: String::new(), key_sets: vec![] })),
    ];
    for auth in empty {
        let route = Route { auth: Some(auth), ..route(upstream()) };
        assert!(matches!(check(&route), Err(Invalid::Empty(_))), "{route:?}");
    }
}

#[test]
fn a_method_a_claim_or_a_limit_of_an_unknown_kind_is_refused() {
    let unknown = Auth { methods: vec![AuthMethod { name: "new".into(), method: None }] };
    let refusal = check(&Route { auth: Some(unknown), ..route(upstream()) });
    assert_eq!(refusal, Err(Invalid::Choice("auth.methods.method")));
    let mut claims = jwt();
    claims.required_claims[0].r#type = 99;
    let refusal = check(&Route { auth: Some(method(Method::Jwt(claims))), ..route(upstream()) });
    assert!(matches!(refusal, Err(Invalid::UnknownEnum { value: 99, .. })));
    let keyed = RateLimit { keys: vec![LimitKey { key: None }], ..limit() };
    let refusal = check(&Route { rate_limits: vec![keyed], ..route(upstream()) });
    assert_eq!(refusal, Err(Invalid::Choice("rate_limits.keys.key")));
    let never = RateLimit { interval_ms: 0, ..limit() };
    let refusal = check(&Route { rate_limits: vec![never], ..route(upstream()) });
    assert_eq!(refusal, Err(Invalid::Zero("rate_limits.interval_ms")));
}

#[test]
fn a_route_requires_a_feature_for_whatever_must_not_be_ignored() {
    let plain = route(upstream());
    assert_eq!(feature::of(&plain), ["function-url"]);
    let whole = Route {
        auth: Some(method(Method::Jwt(jwt()))),
        rate_limits: vec![limit()],
        cors: Some(Cors::default()),
        max_request_body: 1,
        ..plain
    };
    assert_eq!(check(&whole), Ok(()));
    assert_eq!(feature::of(&whole), ["auth-jwt", "cors", "function-url", "max-request-body", "rate-limits"]);
    assert!(feature::of(&whole).iter().all(|feature| SUPPORTED.contains(feature)));
}

fn set(name: &str, value: &[u8]) -> SetHeader {
    SetHeader { name: name.into(), value: value.to_vec() }
}

#[test]
fn no_field_can_name_a_header_that_the_proxy_decides_about() {
    let forward = vec![ForwardClaim { claim: "sub".into(), header: "x-lambdaroute-consumer".into() }];
    let api_key = ApiKeyAuth { header: "authorization".into(), key_sets: vec![] };
    let keyed = vec![LimitKey { key: Some(Key::Header("x-forwarded-for".into())) }];
    let headers = |set, remove| Some(RequestHeaders { set, remove });
    for route in [
        Route { auth: Some(method(Method::ApiKey(api_key))), ..route(upstream()) },
        Route { auth: Some(method(Method::Jwt(JwtAuth { forward_claims: forward, ..jwt() }))), ..route(upstream()) },
        Route { rate_limits: vec![RateLimit { keys: keyed, ..limit() }], ..route(upstream()) },
        Route { request_headers: headers(vec![set("X-Amz-Date", b"")], vec![]), ..route(upstream()) },
        Route { request_headers: headers(vec![], vec!["host".into()]), ..route(upstream()) },
        Route { forward_authorization_as: "connection".into(), ..route(upstream()) },
    ] {
        assert!(matches!(check(&route), Err(Invalid::Header { .. })), "{route:?}");
    }
    let route = Route { forward_authorization_as: "x-forwarded-authorization".into(), ..route(upstream()) };
    assert_eq!(check(&route), Ok(()));
}

#[test]
fn a_header_is_set_once_to_a_value_that_a_header_can_have() {
    let with =
        |set| check(&Route { request_headers: Some(RequestHeaders { set, remove: vec![] }), ..route(upstream()) });
    assert_eq!(with(vec![set("x-stage", b"prod"), set("x-bytes", b"\xff\t ")]), Ok(()));
    assert!(matches!(with(vec![set("x-stage", b"a"), set("X-Stage", b"b")]), Err(Invalid::Twice { .. })));
    assert!(matches!(with(vec![set("x-stage", b"a"), set("x_stage", b"b")]), Err(Invalid::Twice { .. })));
    for value in [&b"a\r\nx-evil: 1"[..], b"\0", b"\x7f"] {
        let refusal = with(vec![set("x-secret", value)]).unwrap_err();
        assert!(matches!(refusal, Invalid::HeaderValue { .. }));
        assert!(!refusal.to_string().contains("evil"), "the value may be a secret");
    }
}

#[test]
fn no_two_fields_give_the_function_one_header() {
    let forwards = |header: &str| AuthMethod {
        name: format!("for-{header}"),
        method: Some(Method::Jwt(JwtAuth {
            issuer: "https://idp.example".into(),
            audiences: vec!["orders".into()],
            forward_claims: vec![ForwardClaim { claim: "sub".into(), header: header.into() }],
            ..JwtAuth::default()
        })),
    };
    let with = |name: &str, headers: &[&str], authorization: &str| {
        check(&Route {
            request_headers: Some(RequestHeaders { set: vec![set(name, b"a")], remove: vec![] }),
            auth: Some(Auth { methods: headers.iter().map(|header| forwards(header)).collect() }),
            forward_authorization_as: authorization.into(),
            ..route(upstream())
        })
    };
    for (name, headers, authorization, field, other) in [
        ("X_User", ["x-user"], "x-token", "request_headers.set", "auth.methods.jwt.forward_claims"),
        ("x-token", ["x-user"], "X-Token", "request_headers.set", "forward_authorization_as"),
        ("x-stage", ["x_user"], "x-user", "auth.methods.jwt.forward_claims", "forward_authorization_as"),
    ] {
        let refusal = with(name, &headers, authorization).unwrap_err();
        assert!(
            matches!(&refusal, Invalid::Clash { field: a, other: b, .. } if (*a, *b) == (field, other)),
            "{refusal}"
        );
    }
    assert_eq!(with("x-stage", &["x-user", "x_user"], "x-token"), Ok(()), "only one method recognises a caller");
}

#[test]
fn a_block_of_addresses_that_cannot_be_read_refuses_the_route() {
    let ranges = |allow: &str, deny: &str| SourceRanges { allow: vec![allow.into()], deny: vec![deny.into()] };
    let with = |ranges| check(&Route { source_ranges: Some(ranges), ..route(upstream()) });
    assert_eq!(with(ranges("10.0.0.0/8", "2001:db8::/32")), Ok(()));
    assert!(matches!(with(ranges("10.0.0.0/8", "all")), Err(Invalid::SourceRange { .. })));
    assert!(matches!(with(ranges("10.0.0.1", "::/0")), Err(Invalid::SourceRange { .. })));
}
