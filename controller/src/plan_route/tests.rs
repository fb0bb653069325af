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
        ..Installation::default()
    }
}

fn make(metadata: &str, spec: &str, targets: &str) -> LambdaRoute {
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

fn steps_of(case: &Case<'_>) -> Vec<String> {
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
    let fresh = Case { service: false, ..case(make("", SPEC, "[]")) };
    assert_eq!(steps_of(&fresh), ["create Service orders with target port 10001"]);
    assert!(steps_of(&case(make("", SPEC, "[]"))).is_empty());
}

#[test]
fn a_refused_or_suspended_route_gets_none() {
    for spec in ["{function: {name: orders}, validation: {}}", "{function: {name: orders}, suspend: true}", "{}"] {
        let case = Case { service: false, ..case(make("", spec, "[]")) };
        assert!(steps_of(&case).is_empty(), "{spec}");
    }
    let taken = Case { service: false, claim: ServiceClaim::Taken, ..case(make("", SPEC, "[]")) };
    assert!(steps_of(&taken).is_empty());
}

#[test]
fn the_old_qualifier_is_released_only_once_proxies_serve_the_new_one() {
    let spec = "{function: {name: orders, qualifier: PROD}}";
    let both = format!("[{{functionARN: '{ARN}', state: Active}}, {{functionARN: '{PROD}', state: Active}}]");
    let waiting = case(make("", spec, &both));
    assert!(steps_of(&waiting).is_empty());
    assert_eq!(steps_of(&Case { arrived: true, ..waiting }), ["mark F as being released"]);

    let releasing = both.replacen("Active", "Releasing", 1);
    assert!(steps_of(&case(make("", spec, &releasing))).is_empty());
    let empty = Case { released: &[ARN], ..case(make("", spec, &releasing)) };
    assert_eq!(steps_of(&empty), ["forget F in status.targets"]);
    let back = case(make("", SPEC, &format!("[{{functionARN: '{ARN}', state: Releasing}}]")));
    assert_eq!(steps_of(&back), ["record F in status.targets"]);
}

#[test]
fn a_route_that_may_not_be_public_any_more_releases_its_target_before_it_forgets() {
    let public = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: all, principal: '*'}]}}";
    let targets = format!("[{{functionARN: '{ARN}', state: Active}}]");
    let served = Programmed {
        host: "a.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type: lambdaroute_crds::AuthType::None,
        invoke_mode: lambdaroute_crds::InvokeMode::Buffered,
        function_arn: ARN.into(),
        cors: crate::observation::UrlCors::default(),
        management: lambdaroute_crds::FunctionUrlManagement::Managed,
        permissions: lambdaroute_crds::PermissionsManagement::Managed,
        grants: [].into(),
        access: crate::access::Access::default(),
        cluster_issuer: None,
    };
    let route = make("", public, &targets);
    let assessment = assess(&route, &installation(), None);
    let target = FunctionTarget::parse_arn(ARN).unwrap();
    let service = service::desired(&route, 10001, &target, Some(&served));
    let steps = plan_route(&RouteFacts {
        route: &route,
        assessment: &assessment,
        service: Some(&service),
        port: Some(10001),
        programmed: None,
        served: Some(&served),
        released: &BTreeSet::new(),
        arrived: false,
    });
    assert!(matches!(steps[..], [Step::ReleaseTarget { .. }, Step::ApplyService { .. }]), "{steps:?}");
    let marked = case(make("", public, &targets.replace("Active", "Releasing")));
    assert_eq!(steps_of(&Case { released: &[ARN], ..marked }), ["forget F in status.targets"]);
}

#[test]
fn a_suspended_route_releases_what_it_may_not_use_any_more_and_nothing_else() {
    let public = "{function: {name: orders}, suspend: true,
        upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: all, principal: '*'}]}}";
    let releasing = format!("[{{functionARN: '{ARN}', state: Releasing}}]");
    let lost = Case { released: &[ARN], ..case(make("", public, &releasing)) };
    assert_eq!(steps_of(&lost), ["forget F in status.targets"], "proxies serve it no more");
    let both = format!("[{{functionARN: '{ARN}', state: Active}}, {{functionARN: '{PROD}', state: Active}}]");
    let moving = case(make("", "{function: {name: orders, qualifier: PROD}, suspend: true}", &both));
    assert!(steps_of(&Case { arrived: true, ..moving }).is_empty());
}

#[test]
fn a_deleted_route_waits_for_aws_then_goes_in_order() {
    let targets = format!("[{{functionARN: '{ARN}', state: Active}}]");
    let waiting = case(make(DELETED, SPEC, &targets));
    assert!(steps_of(&waiting).is_empty());
    let done = ["forget F in status.targets", "let port 10001 rest", "delete Service orders", "remove the finalizer"];
    assert_eq!(steps_of(&Case { released: &[ARN], ..waiting }), done);
    for spec in ["{function: {name: orders}, deletionPolicy: Retain}", "{function: {name: orders}, suspend: true}"] {
        assert_eq!(steps_of(&case(make(DELETED, spec, &targets))), done, "{spec}");
    }
    let forced = format!("{DELETED}, annotations: {{lambdaroute.dev/force-delete: 'true'}}");
    assert_eq!(steps_of(&case(make(&forced, "{}", &targets))), done, "an invalid spec never holds a deletion up");
}
