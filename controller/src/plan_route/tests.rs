//! A route's own objects over its life.

use super::*;
use crate::assess::{Installation, ServiceClaim, assess};
use crate::target::Defaults;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const PROD: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders:PROD";

fn installation() -> Installation {
    Installation {
        defaults: Some(Defaults {
            region: Some("eu-west-1".into()),
            account_id: "111122223333".into(),
            partition: "aws".into(),
        }),
        allow_public_url: false,
    }
}

fn route(metadata: &str, spec: &str, targets: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute,
           metadata: {{name: orders, namespace: shop, uid: u1{metadata}}}, spec: {spec}, status: {{targets: {targets}}}}}"
    ))
    .unwrap()
}

struct Case<'a> {
    route: LambdaRoute,
    service: bool,
    released: &'a [&'a str],
    arrived: bool,
    claim: ServiceClaim,
}

fn steps(case: &Case<'_>) -> Vec<String> {
    let assessment = assess(&case.route, &installation(), None).with_claim(&case.route, case.claim);
    let target = FunctionTarget::parse_arn(ARN).unwrap();
    let target = assessment.target.clone().unwrap_or(target);
    let service = case.service.then(|| service::desired(&case.route, 10001, &target, None));
    let released = case.released.iter().map(|arn| (*arn).to_owned()).collect();
    plan_route(&RouteFacts {
        route: &case.route,
        assessment: &assessment,
        service: service.as_ref(),
        port: Some(10001),
        programmed: None,
        served: None,
        released: &released,
        arrived: case.arrived,
    })
    .iter()
    .map(|step| step.to_string().replace(ARN, "F").replace("shop/orders: ", ""))
    .collect()
}

fn case(route: LambdaRoute) -> Case<'static> {
    Case { route, service: true, released: &[], arrived: false, claim: ServiceClaim::Ours }
}

const SPEC: &str = "{function: {name: orders}}";
const DELETED: &str = ", deletionTimestamp: '2026-11-21T09:00:00Z', finalizers: [lambdaroute.dev/cleanup]";

#[test]
fn an_accepted_route_gets_a_service_and_a_steady_one_nothing() {
    let fresh = Case { service: false, ..case(route("", SPEC, "[]")) };
    assert_eq!(steps(&fresh), ["create Service orders with target port 10001"]);
    assert!(steps(&case(route("", SPEC, "[]"))).is_empty());
}

#[test]
fn a_refused_or_suspended_route_gets_none() {
    for spec in ["{function: {name: orders}, auth: {}}", "{function: {name: orders}, suspend: true}", "{}"] {
        let case = Case { service: false, ..case(route("", spec, "[]")) };
        assert!(steps(&case).is_empty(), "{spec}");
    }
    let taken = Case { service: false, claim: ServiceClaim::Taken, ..case(route("", SPEC, "[]")) };
    assert!(steps(&taken).is_empty());
}

#[test]
fn the_old_qualifier_is_released_only_once_proxies_serve_the_new_one() {
    let spec = "{function: {name: orders, qualifier: PROD}}";
    let both = format!("[{{functionARN: '{ARN}', state: Active}}, {{functionARN: '{PROD}', state: Active}}]");
    let waiting = case(route("", spec, &both));
    assert!(steps(&waiting).is_empty());
    assert_eq!(steps(&Case { arrived: true, ..waiting }), ["mark F as being released"]);

    let releasing = both.replacen("Active", "Releasing", 1);
    assert!(steps(&case(route("", spec, &releasing))).is_empty());
    let empty = Case { released: &[ARN], ..case(route("", spec, &releasing)) };
    assert_eq!(steps(&empty), ["forget F in status.targets"]);
    let back = case(route("", SPEC, &format!("[{{functionARN: '{ARN}', state: Releasing}}]")));
    assert_eq!(steps(&back), ["record F in status.targets"]);
}

#[test]
fn a_deleted_route_waits_for_aws_then_goes_in_order() {
    let targets = format!("[{{functionARN: '{ARN}', state: Active}}]");
    let waiting = case(route(DELETED, SPEC, &targets));
    assert!(steps(&waiting).is_empty());
    let done = ["forget F in status.targets", "let port 10001 rest", "delete Service orders", "remove the finalizer"];
    assert_eq!(steps(&Case { released: &[ARN], ..waiting }), done);
    for spec in ["{function: {name: orders}, deletionPolicy: Retain}", "{function: {name: orders}, suspend: true}"] {
        assert_eq!(steps(&case(route(DELETED, spec, &targets))), done, "{spec}");
    }
    let forced = format!("{DELETED}, annotations: {{lambdaroute.dev/force-delete: 'true'}}");
    assert_eq!(steps(&case(route(&forced, "{}", &targets))), done, "an invalid spec never holds a deletion up");
}
