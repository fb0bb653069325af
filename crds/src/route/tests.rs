//! A user's manifest, read into the types.

use crate::{AuthType, InvokeMode, LambdaRoute, UpstreamType};

fn route(yaml: &str) -> LambdaRoute {
    serde_yaml_ng::from_str(yaml).unwrap()
}

#[test]
fn every_field_of_a_manifest_is_read() {
    let route = route(
        "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaRoute
metadata: {name: orders, namespace: shop}
spec:
  function: {name: orders, qualifier: PROD, region: eu-west-1, accountID: '111122223333'}
  upstream: {type: FunctionURL, functionURL: {authType: NONE, invokeMode: RESPONSE_STREAM}}
  service: {name: orders-api, port: 8080}
  deletionPolicy: Retain
  suspend: true
",
    );
    let function = route.spec.function.unwrap();
    assert_eq!(function.account_id.as_deref(), Some("111122223333"));
    let upstream = route.spec.upstream.unwrap();
    assert_eq!(upstream.type_, UpstreamType::FunctionURL);
    let url = upstream.function_url.unwrap();
    assert_eq!((url.auth_type, url.invoke_mode), (Some(AuthType::None), Some(InvokeMode::ResponseStream)));
    assert_eq!(route.spec.service.unwrap().port, Some(8080));
    assert_eq!(route.spec.suspend, Some(true));
}

#[test]
fn a_reserved_access_field_is_seen_and_named() {
    for (field, value) in [("authorization", "[]"), ("quotas", "[]"), ("validation", "{}")] {
        let yaml = format!(
            "{{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute, metadata: {{name: a}}, spec: {{function: {{name: a}}, {field}: {value}}}}}"
        );
        assert_eq!(route(&yaml).spec.unsupported(), Some(format!("spec.{field}").as_str()));
    }
}
