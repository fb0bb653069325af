//! A route over its life, seen from a target.

use lambdaroute_crds::AuthType;

use super::*;
use crate::access_policy::AccessPolicies;
use crate::assess::{Installation, assess};
use crate::demand::Demand;
use crate::observation::UrlSettings;
use crate::target::Defaults;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn route(metadata: &str, spec: &str, state: Option<&str>) -> LambdaRoute {
    let status = match state {
        Some(state) => format!("{{targets: [{{functionARN: '{ARN}', state: {state}}}]}}"),
        None => "{}".to_owned(),
    };
    serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute,
           metadata: {{name: orders, namespace: shop, uid: u1{metadata}}}, spec: {spec}, status: {status}}}"
    ))
    .unwrap()
}

fn intent(route: &LambdaRoute, claim: ServiceClaim, programmed: Option<AuthType>) -> Option<Intent> {
    intent_under(AccessPolicies::default(), route, claim, programmed)
}

/// One policy, which names another namespace.
fn nothing_allowed() -> AccessPolicies {
    let policy = lambdaroute_crds::LambdaAccessPolicy::new("nobody", Default::default());
    AccessPolicies::default().with_policies([&policy]).with_namespaces([("shop".to_owned(), [].into())])
}

fn intent_under(
    access_policies: AccessPolicies,
    route: &LambdaRoute,
    claim: ServiceClaim,
    programmed: Option<AuthType>,
) -> Option<Intent> {
    let installation = Installation {
        access_policies,
        defaults: Some(Defaults {
            region: Some("eu-west-1".into()),
            account_id: "111122223333".into(),
            partition: "aws".into(),
        }),
        ..Installation::default()
    };
    let programmed = programmed.map(|auth_type| Programmed {
        host: "a.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type,
        invoke_mode: lambdaroute_crds::InvokeMode::Buffered,
        function_arn: ARN.into(),
        cors: crate::observation::UrlCors::default(),
        management: lambdaroute_crds::FunctionUrlManagement::Managed,
        permissions: lambdaroute_crds::PermissionsManagement::Managed,
        grants: [].into(),
        access: crate::access::Access::default(),
        cluster_issuer: None,
    });
    let assessment = assess(route, &installation, None).with_claim(route, claim);
    let target = FunctionTarget::parse_arn(ARN).unwrap();
    on_target(route, &target, &assessment, claim, programmed.as_ref()).map(|on_target| on_target.intent)
}

fn usual() -> Demand {
    Demand::exactly(&UrlSettings::usual())
}

const DELETED: &str = ", deletionTimestamp: '2026-11-21T09:00:00Z', finalizers: [lambdaroute.dev/cleanup]";

#[test]
fn an_accepted_route_with_its_service_wants_its_target() {
    let wants = Some(Intent::Wants { demand: usual(), programmed: None, finalizer: false });
    assert_eq!(intent(&route("", "{function: {name: orders}}", None), ServiceClaim::Ours, None), wants);
    let other = route("", "{function: {name: other}}", None);
    assert_eq!(intent(&other, ServiceClaim::Ours, None), None);
}

#[test]
fn nothing_is_wanted_before_the_service_is_known_to_be_ours() {
    let fresh = route("", "{function: {name: orders}}", None);
    assert_eq!(intent(&fresh, ServiceClaim::Unknown, None), None);
    assert_eq!(intent(&fresh, ServiceClaim::Taken, None), None);
}

#[test]
fn a_deleted_route_releases_what_its_status_names_whatever_its_spec() {
    for spec in ["{function: {name: orders}}", "{}", "{validation: {}}"] {
        let deleted = route(DELETED, spec, Some("Active"));
        assert_eq!(intent(&deleted, ServiceClaim::Unknown, None), Some(Intent::Releases));
    }
    assert_eq!(intent(&route(DELETED, "{function: {name: orders}}", None), ServiceClaim::Ours, None), None);
}

#[test]
fn retain_suspend_and_force_leave_aws_as_it_is() {
    for spec in ["{function: {name: orders}, deletionPolicy: Retain}", "{function: {name: orders}, suspend: true}"] {
        assert_eq!(intent(&route(DELETED, spec, Some("Active")), ServiceClaim::Ours, None), None);
    }
    let forced = format!("{DELETED}, annotations: {{lambdaroute.dev/force-delete: 'true'}}");
    assert_eq!(intent(&route(&forced, "{function: {name: orders}}", Some("Active")), ServiceClaim::Ours, None), None);
}

#[test]
fn a_suspended_route_holds_what_it_has_and_writes_nothing() {
    let suspended = route("", "{function: {name: orders}, suspend: true}", Some("Active"));
    let keeps = Some(Intent::Keeps { programmed: Some(usual()), repair: false });
    assert_eq!(intent(&suspended, ServiceClaim::Ours, Some(AuthType::AwsIam)), keeps);
    let fresh = route("", "{function: {name: orders}, suspend: true}", None);
    assert_eq!(intent(&fresh, ServiceClaim::Ours, None), None);
}

#[test]
fn the_old_target_is_kept_until_it_is_marked_as_released() {
    let moved = |state| route("", "{function: {name: orders, qualifier: PROD}}", Some(state));
    let keeps = Some(Intent::Keeps { programmed: Some(usual()), repair: true });
    assert_eq!(intent(&moved("Active"), ServiceClaim::Ours, Some(AuthType::AwsIam)), keeps);
    assert_eq!(intent(&moved("Releasing"), ServiceClaim::Ours, None), Some(Intent::Releases));
}

#[test]
fn a_refused_change_keeps_what_runs_but_a_lost_permission_closes_it() {
    let public = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: all, principal: '*'}]}}";
    let active = route("", public, Some("Active"));
    let keeps = Some(Intent::Keeps { programmed: Some(usual()), repair: true });
    assert_eq!(intent(&active, ServiceClaim::Ours, Some(AuthType::AwsIam)), keeps);
    let public_before = intent(&active, ServiceClaim::Ours, Some(AuthType::None));
    assert!(matches!(public_before, Some(Intent::Keeps { repair: false, .. })), "nothing public is repaired");
    let marked = route("", public, Some("Releasing"));
    assert_eq!(intent(&marked, ServiceClaim::Ours, None), Some(Intent::Releases));
}

#[test]
fn a_target_that_may_not_be_used_any_more_is_not_repaired_and_then_released() {
    let orders = "{function: {name: orders}}";
    let under =
        |route: &LambdaRoute, programmed| intent_under(nothing_allowed(), route, ServiceClaim::Ours, programmed);
    let keeps = Some(Intent::Keeps { programmed: Some(usual()), repair: false });
    assert_eq!(under(&route("", orders, Some("Active")), Some(AuthType::AwsIam)), keeps);
    assert_eq!(under(&route("", orders, Some("Releasing")), None), Some(Intent::Releases));
    assert_eq!(under(&route("", orders, None), None), None, "what never was there needs no look");
}

#[test]
fn neither_suspension_nor_retention_keeps_what_may_not_be_used_any_more() {
    for extra in ["suspend: true", "deletionPolicy: Retain", "suspend: true, validation: {}"] {
        let spec = format!("{{function: {{name: orders}}, {extra}}}");
        let releasing = route("", &spec, Some("Releasing"));
        let under =
            |route: &LambdaRoute, programmed| intent_under(nothing_allowed(), route, ServiceClaim::Ours, programmed);
        assert_eq!(under(&releasing, None), Some(Intent::Releases), "{extra}");
        for state in ["Active", "Releasing"] {
            let deleted = route(DELETED, &spec, Some(state));
            assert_eq!(under(&deleted, Some(AuthType::AwsIam)), Some(Intent::Releases), "deleted, {extra}, {state}");
        }
        let forced = format!("{DELETED}, annotations: {{lambdaroute.dev/force-delete: 'true'}}");
        assert_eq!(under(&route(&forced, &spec, Some("Active")), None), None, "{extra}: whoever forces it, leaves it");
    }
}

#[test]
fn a_suspended_route_on_its_way_to_another_alias_stays_where_it_is() {
    let spec = "{function: {name: orders, qualifier: PROD}, suspend: true}";
    let keeps = Some(Intent::Keeps { programmed: Some(usual()), repair: false });
    assert_eq!(intent(&route("", spec, Some("Releasing")), ServiceClaim::Ours, Some(AuthType::AwsIam)), keeps);
}

#[test]
fn a_manifest_that_asks_for_more_than_is_allowed_loses_nothing_that_runs() {
    let public = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: all, principal: '*'}]}}";
    let keeps = Some(Intent::Keeps { programmed: Some(usual()), repair: true });
    assert_eq!(intent(&route("", public, Some("Active")), ServiceClaim::Ours, Some(AuthType::AwsIam)), keeps);
}

#[test]
fn what_status_says_is_known_whatever_the_service_says() {
    for spec in [
        "{function: {name: orders}, suspend: true}",
        "{function: {name: orders}, validation: {}}",
        "{function: {name: orders}, validation: {}, suspend: true, deletionPolicy: Retain}",
    ] {
        for used in ["PublicURL", "Grants"] {
            let mut recorded = route("", spec, Some("Active"));
            let permission = serde_json::from_value(serde_json::json!([used])).unwrap();
            recorded.status.as_mut().unwrap().targets[0].permissions = permission;
            for served in [None, Some(AuthType::AwsIam)] {
                let keeps = intent(&recorded, ServiceClaim::Ours, served);
                assert!(matches!(keeps, Some(Intent::Keeps { repair: false, .. })), "{spec}, {used}: {keeps:?}");
            }
            recorded.status.as_mut().unwrap().targets[0].state = TargetState::Releasing;
            assert_eq!(intent(&recorded, ServiceClaim::Ours, None), Some(Intent::Releases), "{spec}, {used}");
        }
    }
}
