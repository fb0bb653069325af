//! A user's manifest, judged.

use super::*;

fn installation() -> Installation {
    Installation {
        defaults: Some(Defaults {
            region: Some("eu-west-1".into()),
            account_id: "111122223333".into(),
            partition: "aws".into(),
        }),
        allow_public_url: false,
        ..Installation::default()
    }
}

fn route(spec: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute, metadata: {{name: orders, namespace: shop}}, spec: {spec}}}"
    ))
    .unwrap()
}

fn reason(spec: &str) -> Option<Reason> {
    assess(&route(spec), &installation(), None).refused.map(|refused| refused.reason)
}

#[test]
fn a_plain_manifest_is_accepted_with_awss_defaults() {
    let assessment = assess(&route("{function: {name: orders}}"), &installation(), None);
    assert_eq!(assessment.refused, None);
    assert_eq!(assessment.settings.to_string(), "AWS_IAM, BUFFERED");
    assert_eq!(assessment.target.unwrap().short(), "orders");
}

#[test]
fn a_public_url_needs_the_controllers_flag_and_the_field_is_named() {
    let spec = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: NONE}}}";
    let refused = assess(&route(spec), &installation(), None).refused.unwrap();
    assert_eq!(refused.reason, Reason::NotPermitted);
    assert!(refused.message.contains("authType") && refused.message.contains("--allow-public-url"));
    let allowed = Installation { allow_public_url: true, ..installation() };
    assert_eq!(assess(&route(spec), &allowed, None).refused, None);
}

#[test]
fn an_access_field_that_is_not_built_yet_is_refused_never_ignored() {
    let refused = assess(&route("{function: {name: orders}, validation: {}}"), &installation(), None);
    let refused = refused.refused.unwrap();
    assert_eq!(refused.reason, Reason::UnsupportedValue);
    assert_eq!(refused.message, "spec.validation isn't supported by this version: remove it");
}

#[test]
fn what_the_api_server_would_refuse_is_refused_here_too() {
    assert_eq!(reason("{}"), Some(Reason::InvalidSpec));
    assert_eq!(reason("{function: {name: orders}, service: {name: 1st}}"), Some(Reason::InvalidSpec));
    assert_eq!(reason("{function: {name: orders, accountID: '999999999999'}}"), Some(Reason::UnsupportedValue));
}

#[test]
fn nothing_is_resolved_before_the_controller_knows_its_account() {
    let assessment = assess(&route("{function: {name: orders}}"), &Installation::default(), None);
    assert_eq!((assessment.target, assessment.refused), (None, None));
}

#[test]
fn the_services_annotation_pins_where_status_is_lost() {
    let pin = Some("arn:aws:lambda:us-east-1:111122223333:function:orders");
    let refused = assess(&route("{function: {name: orders}}"), &installation(), pin).refused.unwrap();
    assert_eq!(refused.reason, Reason::TargetChanged);
}

#[test]
fn a_foreign_service_of_that_name_is_told_with_its_name() {
    let route = route("{function: {name: orders}, service: {name: orders-api}}");
    let assessment = assess(&route, &installation(), None).with_claim(&route, ServiceClaim::Taken);
    let refused = assessment.refused.unwrap();
    assert_eq!(refused.reason, Reason::ServiceNameConflict);
    assert!(refused.message.contains("orders-api"));
}
