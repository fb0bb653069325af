//! What is remembered on a Service, and what of it is believed.

use std::collections::BTreeSet;

use super::*;

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders:PROD";

fn route() -> LambdaRoute {
    serde_yaml_ng::from_str(&format!(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {{name: orders, namespace: shop, uid: uid-1}}
spec: {{function: {{name: orders, qualifier: PROD}}}}
status:
  targets:
    - {{functionARN: '{ARN}', functionURL: 'https://abc123.lambda-url.eu-west-1.on.aws/', state: Active}}
"
    ))
    .unwrap()
}

fn programmed() -> Programmed {
    Programmed {
        host: "abc123.lambda-url.eu-west-1.on.aws".into(),
        region: "eu-west-1".into(),
        auth_type: AuthType::AwsIam,
        invoke_mode: InvokeMode::Buffered,
        function_arn: ARN.into(),
    }
}

#[test]
fn what_status_confirms_is_believed() {
    assert_eq!(Programmed::trusted(&programmed().annotation(), &route()), Some(programmed()));
}

#[test]
fn an_annotation_that_somebody_wrote_leads_nowhere_else() {
    let other_host = Programmed { host: "evil.lambda-url.eu-west-1.on.aws".into(), ..programmed() };
    let other_function = Programmed { function_arn: ARN.replace("orders", "payments"), ..programmed() };
    let other_region = Programmed { region: "us-east-1".into(), ..programmed() };
    for forged in [other_host, other_function, other_region] {
        assert_eq!(Programmed::trusted(&forged.annotation(), &route()), None, "{forged:?}");
    }
    assert_eq!(Programmed::trusted("{}", &route()), None);
    assert_eq!(Programmed::trusted(&programmed().annotation(), &LambdaRoute { status: None, ..route() }), None);
}

#[test]
fn what_proxies_get_is_valid_and_names_the_features_that_it_needs() {
    let key = RouteKey { namespace: "shop".into(), name: "orders".into(), uid: "uid-1".into() };
    let service = ServiceRef {
        namespace: "shop".into(),
        name: "orders".into(),
        uid: "s".into(),
        port_name: "http".into(),
        ip_families: vec!["IPv4".into()],
    };
    for (auth_type, invoke_mode, requires) in [
        (AuthType::AwsIam, InvokeMode::Buffered, vec![feature::FUNCTION_URL]),
        (AuthType::AwsIam, InvokeMode::ResponseStream, vec![feature::FUNCTION_URL, feature::RESPONSE_STREAM]),
        (AuthType::None, InvokeMode::Buffered, vec![feature::UNSIGNED]),
    ] {
        let desired = Programmed { auth_type, invoke_mode, ..programmed() }.desired(&key, service.clone(), 10001);
        assert_eq!(desired.route.requires, requires);
        let supported: BTreeSet<&str> = feature::SUPPORTED.iter().copied().collect();
        lambdaroute_proxy_config::validate_route(&desired.route, &supported).unwrap();
    }
}

mod next {
    //! What proxies are to serve next.

    use lambdaroute_crds::Ownership;

    use super::*;
    use crate::assess::{Installation, assess};
    use crate::observation::FunctionState;
    use crate::plan::UrlFinding;
    use crate::target::Defaults;

    fn view() -> TargetView {
        TargetView {
            observed_at: Some(jiff::Timestamp::UNIX_EPOCH),
            function: Some(FunctionState::Exists),
            url: Some(UrlConfig {
                url: "https://abc123.lambda-url.eu-west-1.on.aws/".into(),
                creation_time: "2026-11-21T09:30:00.123+0000".into(),
                settings: programmed().settings(),
            }),
            ownership: Some(Ownership::Created),
            finding: UrlFinding::Agrees,
            settled: true,
            conflicted: [].into(),
            released: [].into(),
            in_use_by: [].into(),
            failure: None,
        }
    }

    fn next(route: &LambdaRoute, view: &TargetView, served: Option<Programmed>) -> Option<Programmed> {
        let defaults =
            Defaults { region: Some("eu-west-1".into()), account_id: "111122223333".into(), partition: "aws".into() };
        let installation = Installation { defaults: Some(defaults), allow_public_url: false };
        Programmed::next(route, &assess(route, &installation, None), Some(view), served)
    }

    fn before() -> Option<Programmed> {
        Some(Programmed { host: "old.lambda-url.eu-west-1.on.aws".into(), ..programmed() })
    }

    #[test]
    fn what_works_in_aws_is_served() {
        assert_eq!(next(&route(), &view(), None), Some(programmed()));
    }

    #[test]
    fn nothing_is_served_before_it_is_recorded_where_to_take_it_back() {
        let unrecorded = LambdaRoute { status: None, ..route() };
        assert_eq!(next(&unrecorded, &view(), None), None);
    }

    #[test]
    fn what_was_served_goes_on_while_the_new_does_not_work_yet() {
        assert_eq!(next(&route(), &TargetView { settled: false, ..view() }, before()), before());
        let disputed = TargetView { conflicted: [key(&route())].into(), ..view() };
        assert_eq!(next(&route(), &disputed, before()), before());
        assert_eq!(next(&route(), &TargetView { url: None, ..view() }, before()), before());
    }

    #[test]
    fn a_suspended_or_refused_route_stays_as_it_is() {
        let mut suspended = route();
        suspended.spec.suspend = Some(true);
        assert_eq!(next(&suspended, &view(), before()), before());
        let mut refused = route();
        refused.spec.validation = Some(serde_json::json!({}));
        assert_eq!(next(&refused, &view(), before()), before());
    }

    #[test]
    fn a_public_route_that_may_not_be_public_any_more_is_served_no_more() {
        let mut public = route();
        public.spec.upstream = Some(lambdaroute_crds::Upstream {
            type_: lambdaroute_crds::UpstreamType::FunctionURL,
            function_url: Some(lambdaroute_crds::FunctionUrl { auth_type: Some(AuthType::None), invoke_mode: None }),
        });
        let served = Some(Programmed { auth_type: AuthType::None, ..programmed() });
        assert_eq!(next(&public, &view(), served), None);
    }
}
