//! What a proxy refuses, and with which reason.

use std::collections::BTreeSet;

use crate::feature::SUPPORTED;
use crate::v1alpha1::{AuthType, FunctionUrl, InvokeMode, RefusalReason, Route, route::Upstream};
use crate::{Invalid, validate_route};

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
