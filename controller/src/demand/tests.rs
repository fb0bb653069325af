//! Manifests, and what they demand of AWS.

use lambdaroute_crds::LambdaRoute;

use super::*;

fn of(spec: &str) -> Demand {
    let route: LambdaRoute = serde_yaml_ng::from_str(&format!(
        "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute, metadata: {{name: orders}}, spec: {spec}}}"
    ))
    .unwrap();
    Demand::of(&route.spec)
}

fn url(function_url: &str) -> Demand {
    of(&format!("{{upstream: {{type: FunctionURL, functionURL: {function_url}}}}}"))
}

#[test]
fn a_managed_url_is_the_usual_one_where_the_manifest_says_nothing() {
    assert_eq!(of("{}"), Demand::exactly(&UrlSettings::usual()));
    assert!(of("{}").admits(&UrlSettings::usual()));
}

#[test]
fn adopt_and_observe_leave_open_what_the_manifest_does() {
    for management in ["Adopt", "Observe"] {
        let demand = url(&format!("{{management: {management}, invokeMode: RESPONSE_STREAM}}"));
        assert_eq!((demand.auth_type, demand.cors.clone()), (None, None));
        let public = UrlSettings {
            auth_type: AuthType::None,
            invoke_mode: InvokeMode::ResponseStream,
            cors: UrlCors { max_age: 5, ..UrlCors::default() },
        };
        assert!(demand.admits(&public));
        assert!(!demand.admits(&UrlSettings { invoke_mode: InvokeMode::Buffered, ..public }));
    }
}

#[test]
fn cors_is_compared_without_case_order_and_duplicates() {
    let one = url(
        "{authType: NONE, cors: {allowOrigins: ['https://B.example', 'https://a.example'], allowHeaders: [X-A, x-b],
          allowMethods: [GET], exposeHeaders: [ETag], maxAge: 1h, allowCredentials: true}}",
    );
    let other = UrlCors {
        allow_credentials: true,
        max_age: 3600,
        ..UrlCors::new(
            &["https://a.example".into(), "https://b.example".into(), "https://a.example".into()],
            &["get".into()],
            &["x-B".into(), "x-a".into()],
            &["etag".into()],
        )
    };
    assert_eq!(one.cors, Some(other));
    assert_eq!(url("{management: Adopt, authType: NONE, cors: {}}").cors, Some(UrlCors::default()));
}

#[test]
fn a_public_url_leads_around_what_is_asked_of_callers() {
    for restricts in ["auth: {methods: []}", "rateLimits: []", "sourceRanges: {allow: [10.0.0.0/8]}"] {
        let demand =
            of(&format!("{{upstream: {{type: FunctionURL, functionURL: {{management: Observe}}}}, {restricts}}}"));
        assert!(demand.evaded_by(AuthType::None) && !demand.evaded_by(AuthType::AwsIam), "{restricts}");
    }
    assert!(!of("{}").evaded_by(AuthType::None));
}

#[test]
fn what_the_crd_would_refuse_is_refused_here_too() {
    let wrong = [
        (url("{authType: NONE}"), "nothing is made public without being said"),
        (of("{permissions: {grants: [{name: a, principal: '*'}]}}"), "authType NONE only"),
        (of("{permissions: {management: Observe}}"), "management Adopt or Observe"),
        (url("{cors: {allowOrigins: ['*']}}"), "spec.upstream.functionURL.cors"),
        (of("{permissions: {grants: [{name: a, principal: ''}]}}"), "spec.permissions.grants[a].principal"),
        (
            of("{permissions: {grants: [{name: a, principal: 'arn:aws:iam::111122223333:role/*'}]}}"),
            "grants[a].principal",
        ),
        (of("{permissions: {grants: [{name: a, principal: orders}]}}"), "grants[a].principal"),
        (of("{permissions: {grants: [{name: a, principal: cloudfront.amazonaws.com}]}}"), "needs one of them"),
        (
            of("{permissions: {grants: [{name: a, principal: '111122223333', sourceAccount: '111122223333'}]}}"),
            "go with a service",
        ),
        (
            of(
                "{permissions: {grants: [{name: a, principal: s3.amazonaws.com, sourceAccount: '1', principalOrgID: o-1}]}}",
            ),
            "principalOrgID",
        ),
    ];
    for (demand, message) in wrong {
        let said = demand.judge().unwrap_err();
        assert!(said.contains(message), "{said}");
    }
    let right = "{upstream: {type: FunctionURL, functionURL: {authType: NONE, cors: {allowOrigins: ['*']}}},
                  permissions: {grants: [{name: all, principal: '*'}, {name: cdn, principal: cloudfront.amazonaws.com,
                  sourceARN: 'arn:aws:cloudfront::111122223333:distribution/E1'},
                  {name: org, principal: '444455556666', principalOrgID: o-a1b2c3d4e5}]}}";
    assert_eq!(of(right).judge(), Ok(()));
}
