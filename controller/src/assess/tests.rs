//! A user's manifest, judged.

use super::*;

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
    assert_eq!(assessment.demand, Demand::exactly(&crate::observation::UrlSettings::usual()));
    assert_eq!(assessment.target.unwrap().short(), "orders");
}

#[test]
fn a_public_url_needs_a_policy_that_allows_it_and_the_field_is_named() {
    let spec = "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: NONE}}, permissions: {grants: [{name: all, principal: '*'}]}}";
    let refused = assess(&route(spec), &installation(), None).refused.unwrap();
    assert_eq!(refused.reason, Reason::NotPermitted);
    assert_eq!(
        refused.message,
        "spec.upstream.functionURL.authType NONE, which makes the function public: the namespace shop needs a \
         LambdaAccessPolicy that allows PublicURL for arn:aws:lambda:eu-west-1:111122223333:function:orders"
    );
    let allowed = Installation { access_policies: allowing("orders", "[PublicURL]"), ..installation() };
    assert_eq!(assess(&route(spec), &allowed, None).refused, None);
}

/// One policy, which lets the namespace shop use one function and do this with it.
fn allowing(function: &str, allow: &str) -> AccessPolicies {
    let spec = format!(
        "{{namespaceSelector: {{matchLabels: {{team: shop}}}}, allow: {allow},
           functions: ['arn:aws:lambda:eu-west-1:111122223333:function:{function}']}}"
    );
    let policy = lambdaroute_crds::LambdaAccessPolicy::new("shop", serde_yaml_ng::from_str(&spec).unwrap());
    let labels = [("team".to_owned(), "shop".to_owned())].into();
    AccessPolicies::default().with_policies([&policy]).with_namespaces([("shop".to_owned(), labels)])
}

#[test]
fn a_refusal_names_the_own_namespace_and_function_and_nothing_of_the_policies() {
    let installation = Installation { access_policies: allowing("web-*", "[PublicURL]"), ..installation() };
    let refused = assess(&route("{function: {name: orders}}"), &installation, None).refused.unwrap();
    assert_eq!(refused.reason, Reason::NotPermitted);
    assert_eq!(
        refused.message,
        "spec.function: the namespace shop may not use arn:aws:lambda:eu-west-1:111122223333:function:orders: a \
         LambdaAccessPolicy must name both"
    );
}

#[test]
fn a_namespace_whose_labels_are_not_known_yet_waits() {
    let access_policies = allowing("orders", "[PublicURL]").with_namespaces([]);
    let assessment =
        assess(&route("{function: {name: orders}}"), &Installation { access_policies, ..installation() }, None);
    assert_eq!((assessment.target, assessment.refused), (None, None));
}

#[test]
fn another_account_is_refused_whatever_a_policy_allows() {
    let installation = Installation { access_policies: allowing("*", "[CrossAccount]"), ..installation() };
    let spec = "{function: {name: orders, accountID: '999999999999'}}";
    let refused = assess(&route(spec), &installation, None).refused.unwrap();
    assert_eq!(refused.reason, Reason::UnsupportedValue);
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

#[test]
fn a_target_that_status_has_no_room_for_is_refused_and_those_that_it_has_are_not() {
    let crd = serde_json::to_value(lambdaroute_crds::crd()).unwrap();
    let most = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/targets/maxItems");
    assert_eq!(most.and_then(serde_json::Value::as_u64), Some(MOST_TARGETS as u64));
    let leading = |qualifier: &str, recorded: usize| {
        let mut route = route(&format!("{{function: {{name: orders, qualifier: {qualifier}}}}}"));
        let targets: Vec<_> = (0..recorded)
            .map(|n| {
                let arn = format!("arn:aws:lambda:eu-west-1:111122223333:function:orders:a{n}");
                serde_json::json!({"functionARN": arn, "state": if n == 0 { "Active" } else { "Releasing" }})
            })
            .collect();
        route.status = Some(serde_json::from_value(serde_json::json!({"targets": targets})).unwrap());
        assess(&route, &installation(), None).refused
    };
    assert_eq!((leading("next", 7), leading("a3", 8)), (None, None));
    let refused = leading("next", 8).unwrap();
    assert_eq!(refused.reason, Reason::UnsupportedValue);
    for part in ["spec.function.qualifier", "function:orders:next", "lead it back"] {
        assert!(refused.message.contains(part), "{}", refused.message);
    }
}
