//! What an uninstall means for routes of every kind.

use super::*;
use crate::access_policy::AccessPolicies;
use crate::assess::{Installation, ServiceClaim, assess};
use crate::demand::Demand;
use crate::observation::{UrlCors, UrlSettings};
use crate::target::Defaults;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn known_under(access_policies: AccessPolicies, metadata: &str, spec: &str, state: &str) -> Known {
    let route = serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute,
           metadata: {{name: orders, namespace: shop, uid: u1{metadata}}}, spec: {{function: {{name: orders}}{spec}}},
           status: {{targets: [{{functionARN: '{ARN}', state: {state}}}]}}}}"
    ))
    .unwrap();
    let installation = Installation {
        access_policies,
        defaults: Some(Defaults {
            region: Some("eu-west-1".into()),
            account_id: "111122223333".into(),
            partition: "aws".into(),
        }),
        ..Installation::default()
    };
    let assessment = assess(&route, &installation, None);
    Known { route, live: None, claim: ServiceClaim::Ours, assessment, served: Some(served()), port: None }
}

fn known(metadata: &str, spec: &str) -> Known {
    known_under(AccessPolicies::default(), metadata, spec, "Active")
}

fn served() -> Programmed {
    Programmed {
        host: "a.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type: lambdaroute_crds::AuthType::AwsIam,
        invoke_mode: lambdaroute_crds::InvokeMode::Buffered,
        function_arn: ARN.into(),
        cors: UrlCors::default(),
        management: lambdaroute_crds::FunctionUrlManagement::Managed,
        permissions: lambdaroute_crds::PermissionsManagement::Managed,
        grants: [].into(),
        access: crate::access::Access::default(),
        cluster_issuer: None,
    }
}

fn intent_of(known: &Known) -> Option<Intent> {
    on_target(known, &FunctionTarget::parse_arn(ARN).unwrap()).map(|on_target| on_target.intent)
}

fn keeps(repair: bool) -> Option<Intent> {
    Some(Intent::Keeps { programmed: Some(Demand::exactly(&UrlSettings::usual())), repair })
}

#[test]
fn a_route_that_lives_is_taken_back_unless_its_manifest_keeps_it() {
    assert_eq!(intent_of(&known("", "")), Some(Intent::Releases));
    assert_eq!(intent_of(&known("", ", deletionPolicy: Retain")), keeps(true));
    assert_eq!(intent_of(&known("", ", suspend: true")), keeps(false));
    let forced = ", annotations: {lambdaroute.dev/force-delete: 'true'}";
    assert_eq!(intent_of(&known(forced, "")), None);
}

#[test]
fn a_route_that_is_being_deleted_ends_as_ever() {
    let deleting = ", deletionTimestamp: 2026-11-21T09:30:00Z";
    assert_eq!(intent_of(&known(deleting, "")), Some(Intent::Releases));
    assert_eq!(intent_of(&known(deleting, ", deletionPolicy: Retain")), None, "nobody is left who needs it");
}

#[test]
fn what_the_platform_does_not_allow_any_more_is_taken_back_whatever_the_manifest_says() {
    let policy = lambdaroute_crds::LambdaAccessPolicy::new("nobody", Default::default());
    let nobody =
        || AccessPolicies::default().with_policies([&policy]).with_namespaces([("shop".to_owned(), [].into())]);
    for spec in ["", ", deletionPolicy: Retain", ", suspend: true"] {
        let lost = known_under(nobody(), "", spec, "Active");
        assert_eq!(intent_of(&lost), Some(Intent::Releases), "{spec}");
    }
}

#[test]
fn a_target_that_no_status_names_is_none_of_the_routes() {
    let other = FunctionTarget::parse_arn(&format!("{ARN}:PROD")).unwrap();
    assert_eq!(on_target(&known("", ""), &other), None, "nothing is written before status names it");
}

#[test]
fn the_finalizer_is_known_among_others() {
    let mut route = known("", "").route;
    assert!(!is_held(&route));
    route.metadata.finalizers = Some(vec!["foreign/one".into(), lambdaroute_crds::FINALIZER.into()]);
    assert!(is_held(&route));
}
