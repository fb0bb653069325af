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
