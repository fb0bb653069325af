//! Wrong manifests meet the real API server: each is refused with a message that names the field and the remedy.

use lambdaroute_tests::cluster::Cluster;
use lambdaroute_tests::environment::Environment;
use serde_json::json;

mod access;
mod aws;
mod policies;

/// A manifest's `spec` (YAML) and a part of the message that refuses it.
pub(crate) struct Refusal {
    pub(crate) spec: &'static str,
    pub(crate) message: &'static str,
}

const fn refused(spec: &'static str, message: &'static str) -> Refusal {
    Refusal { spec, message }
}

/// Refused when made.
pub(crate) const WRONG: &[Refusal] = &[
    refused("{}", "spec.function is required: give spec.function.name or spec.function.arn"),
    refused("{function: {}}", "give exactly one of spec.function.name and spec.function.arn"),
    refused(
        "{function: {name: orders, arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders'}}",
        "give exactly one of spec.function.name and spec.function.arn",
    ),
    refused(
        "{function: {name: 'orders:PROD'}}",
        "put an ARN in spec.function.arn and an alias in spec.function.qualifier",
    ),
    refused(
        "{function: {name: 'arn:aws:lambda:eu-west-1:111122223333:function:o'}}",
        "put an ARN in spec.function.arn and an alias in spec.function.qualifier",
    ),
    refused("{function: {name: 'my function'}}", "spec.function.name must be a bare name"),
    refused("{function: {name: ''}}", "spec.function.name"),
    refused(
        "{function: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}",
        "Too long: may not be more than 64",
    ),
    refused("{function: {name: 7}}", "spec.function.name: Invalid value: \"integer\""),
    refused(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders:PROD'}}",
        "spec.function.arn must be unqualified: put PROD in spec.function.qualifier",
    ),
    refused(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders:7'}}",
        "spec.function.arn must be unqualified: put 7 in spec.function.qualifier",
    ),
    refused("{function: {arn: 'arn:aws:s3:::bucket'}}", "spec.function.arn must be a Lambda function's ARN"),
    refused(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:1111:function:orders'}}",
        "spec.function.arn must be a Lambda function's ARN",
    ),
    refused("{function: {arn: orders}}", "spec.function.arn must be a Lambda function's ARN"),
    refused(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders', region: eu-west-1}}",
        "spec.function.region goes with spec.function.name only",
    ),
    refused(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders', accountID: '111122223333'}}",
        "spec.function.accountID goes with spec.function.name only",
    ),
    refused("{function: {name: orders, qualifier: $LATEST}}", "spec.function.qualifier can't be $LATEST: leave it out"),
    refused("{function: {name: orders, qualifier: '7'}}", "spec.function.qualifier can't be a version number"),
    refused("{function: {name: orders, qualifier: 'a b'}}", "spec.function.qualifier must be an alias"),
    refused("{function: {name: orders, qualifier: ''}}", "spec.function.qualifier"),
    refused(
        "{function: {name: orders, region: Ireland}}",
        "spec.function.region must be an AWS Region such as eu-west-1",
    ),
    refused("{function: {name: orders, accountID: '1111'}}", "spec.function.accountID must be the 12 digits"),
    refused(
        "{function: {name: orders, accountID: 111122223333}}",
        "spec.function.accountID: Invalid value: \"integer\"",
    ),
    refused("{function: {name: orders}, upstream: {}}", "spec.upstream.type: Required value"),
    refused(
        "{function: {name: orders}, upstream: {type: Invoke}}",
        "Unsupported value: \"Invoke\": supported values: \"FunctionURL\"",
    ),
    refused(
        "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: None}}}",
        "Unsupported value: \"None\": supported values: \"AWS_IAM\", \"NONE\"",
    ),
    refused(
        "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {invokeMode: STREAM}}}",
        "Unsupported value: \"STREAM\": supported values: \"BUFFERED\", \"RESPONSE_STREAM\"",
    ),
    refused("{function: {name: orders}, service: {name: Orders}}", "spec.service.name must be a Service's name"),
    refused("{function: {name: orders}, service: {name: 7orders}}", "spec.service.name must be a Service's name"),
    refused("{function: {name: orders}, service: {name: ''}}", "spec.service.name"),
    refused(
        "{function: {name: orders}, service: {name: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}",
        "Too long: may not be more than 63",
    ),
    refused(
        "{function: {name: orders}, service: {port: 0}}",
        "spec.service.port in body should be greater than or equal to 1",
    ),
    refused(
        "{function: {name: orders}, service: {port: 65536}}",
        "spec.service.port in body should be less than or equal to 65535",
    ),
    refused("{function: {name: orders}, service: {port: http}}", "spec.service.port: Invalid value: \"string\""),
    refused("{function: {name: orders}, service: {labels: {'a b': x}}}", "spec.service.labels must be labels"),
    refused("{function: {name: orders}, service: {labels: {team: 'a b'}}}", "spec.service.labels must be labels"),
    refused(
        "{function: {name: orders}, service: {labels: {lambdaroute.dev/route-uid: x}}}",
        "spec.service.labels: the keys of lambdaroute.dev/, kubernetes.io/",
    ),
    refused(
        "{function: {name: orders}, service: {labels: {app.kubernetes.io/managed-by: me}}}",
        "are LambdaRoute's and Kubernetes' own: remove them",
    ),
    refused(
        "{function: {name: orders}, service: {labels: {service.kubernetes.io/service-proxy-name: mine}}}",
        "are LambdaRoute's and Kubernetes' own: remove them",
    ),
    refused(
        "{function: {name: orders}, service: {annotations: {x/y/z: x}}}",
        "spec.service.annotations must have keys",
    ),
    refused(
        "{function: {name: orders}, service: {annotations: {lambdaroute.dev/programmed: '{}'}}}",
        "spec.service.annotations: the keys of lambdaroute.dev/, kubernetes.io/",
    ),
    refused(
        "{function: {name: orders}, service: {annotations: {kubectl.kubernetes.io/last-applied-configuration: x}}}",
        "are LambdaRoute's and Kubernetes' own: remove them",
    ),
    refused(
        "{function: {name: orders}, service: {labels: {a: x, b: x, c: x, d: x, e: x, f: x, g: x, h: x, i: x, j: x, k: x, l: x, m: x, n: x, o: x, p: x, q: x}}}",
        "spec.service.labels: Too many: 17: must have at most 16 items",
    ),
    refused(
        "{function: {name: orders}, deletionPolicy: Orphan}",
        "Unsupported value: \"Orphan\": supported values: \"Delete\", \"Retain\"",
    ),
    refused("{function: {name: orders}, suspend: 'yes'}", "spec.suspend: Invalid value: \"string\""),
    refused("{function: {name: orders}, authorization: []}", "spec.authorization isn't supported by this version"),
    refused("{function: {name: orders}, quotas: []}", "spec.quotas isn't supported by this version"),
    refused("{function: {name: orders}, validation: {}}", "spec.validation isn't supported by this version"),
    refused("{function: {name: orders}, weights: {}}", "unknown field \"spec.weights\""),
];

/// A change of an immutable field: the `spec` before and after, and a part of the message.
pub(crate) struct Change {
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
    pub(crate) message: &'static str,
}

const fn change(before: &'static str, after: &'static str, message: &'static str) -> Change {
    Change { before, after, message }
}

/// Each immutable field added, changed and removed.
pub(crate) const IMMUTABLE: &[Change] = &[
    change("{function: {name: a}}", "{function: {name: b}}", "spec.function.name is immutable"),
    change(
        "{function: {name: a}}",
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:a'}}",
        "spec.function.name is immutable",
    ),
    change(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:a'}}",
        "{function: {name: a}}",
        "spec.function.arn is immutable",
    ),
    change(
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:a'}}",
        "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:b'}}",
        "spec.function.arn is immutable",
    ),
    change("{function: {name: a}}", "{function: {name: a, region: eu-west-1}}", "spec.function.region is immutable"),
    change(
        "{function: {name: a, region: eu-west-1}}",
        "{function: {name: a, region: us-east-1}}",
        "spec.function.region is immutable",
    ),
    change("{function: {name: a, region: eu-west-1}}", "{function: {name: a}}", "spec.function.region is immutable"),
    change(
        "{function: {name: a}}",
        "{function: {name: a, accountID: '111122223333'}}",
        "spec.function.accountID is immutable",
    ),
    change(
        "{function: {name: a, accountID: '111122223333'}}",
        "{function: {name: a, accountID: '444455556666'}}",
        "spec.function.accountID is immutable",
    ),
    change(
        "{function: {name: a, accountID: '111122223333'}}",
        "{function: {name: a}}",
        "spec.function.accountID is immutable",
    ),
    change("{function: {name: a}}", "{}", "spec.function is required"),
    change("{function: {name: a}}", "{function: {name: a}, service: {name: b}}", "spec.service.name is immutable"),
    change(
        "{function: {name: a}, service: {name: b}}",
        "{function: {name: a}, service: {name: c}}",
        "spec.service.name is immutable",
    ),
    change(
        "{function: {name: a}, service: {name: b}}",
        "{function: {name: a}, service: {port: 80}}",
        "spec.service.name is immutable",
    ),
    change("{function: {name: a}, service: {name: b}}", "{function: {name: a}}", "spec.service.name is immutable"),
];

/// Accepted: the forms that users write.
pub(crate) const RIGHT: &[&str] = &[
    "{function: {name: orders}}",
    "{function: {name: orders, qualifier: PROD, region: eu-west-1, accountID: '111122223333'}}",
    "{function: {arn: 'arn:aws:lambda:eu-west-1:111122223333:function:orders', qualifier: live-2}}",
    "{function: {arn: 'arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:orders'}}",
    "{function: {name: orders}, upstream: {type: FunctionURL}}",
    "{function: {name: orders}, upstream: {type: FunctionURL, functionURL: {authType: NONE, invokeMode: RESPONSE_STREAM}}, permissions: {grants: [{name: all, principal: '*'}]}}",
    "{function: {name: orders}, service: {name: orders-api, port: 8080}, deletionPolicy: Retain, suspend: true}",
];

/// A namespace of this test's own, and routes in it.
async fn routes(name: &str) -> anyhow::Result<(Cluster, String)> {
    let cluster = Environment::shared().await?.cluster().await?;
    let namespace = format!("{name}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    cluster.namespace(&namespace).await?;
    Ok((cluster, namespace))
}

fn manifest(name: &str, spec: &str) -> serde_json::Value {
    let spec: serde_json::Value = serde_yaml_ng::from_str(spec).unwrap();
    json!({"apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaRoute", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_manifests_are_refused_with_a_message_that_says_what_to_do() -> anyhow::Result<()> {
    let (cluster, namespace) = routes("wrong").await?;
    for Refusal { spec, message } in WRONG {
        let error = cluster.create(&manifest("orders", spec), Some(&namespace)).await.expect_err(spec);
        let said = format!("{error:#}");
        assert!(said.contains(message), "{spec} was refused with {said}");
    }
    for (fields, message) in access::WRONG.iter().chain(aws::WRONG) {
        let spec = format!("{{function: {{name: orders}}, {fields}}}");
        let error = cluster.create(&manifest("orders", &spec), Some(&namespace)).await.expect_err(fields);
        let said = format!("{error:#}");
        assert!(said.contains(message), "{fields} was refused with {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_field_can_be_neither_added_nor_changed_nor_removed() -> anyhow::Result<()> {
    let (cluster, namespace) = routes("immutable").await?;
    for (index, Change { before, after, message }) in IMMUTABLE.iter().enumerate() {
        let name = format!("route-{index}");
        cluster.apply(&manifest(&name, before), Some(&namespace)).await?;
        let error = cluster.replace(&manifest(&name, after), Some(&namespace)).await.expect_err(after);
        let said = format!("{error:#}");
        assert!(said.contains(message), "{before} to {after} was refused with {said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forms_that_users_write_are_accepted_and_an_alias_may_change() -> anyhow::Result<()> {
    let (cluster, namespace) = routes("right").await?;
    for (index, spec) in RIGHT.iter().enumerate() {
        cluster.apply(&manifest(&format!("route-{index}"), spec), Some(&namespace)).await?;
    }
    for (index, fields) in access::RIGHT.iter().chain(aws::RIGHT).enumerate() {
        let spec = format!("{{function: {{name: orders}}, {fields}}}");
        cluster.apply(&manifest(&format!("access-{index}"), &spec), Some(&namespace)).await?;
    }
    cluster.apply(&manifest("alias", "{function: {name: a, qualifier: PROD}}"), Some(&namespace)).await?;
    cluster.apply(&manifest("alias", "{function: {name: a, qualifier: NEXT}}"), Some(&namespace)).await?;
    cluster.apply(&manifest("alias", "{function: {name: a}}"), Some(&namespace)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_service_can_have_needs_a_service_name() -> anyhow::Result<()> {
    let (cluster, namespace) = routes("names").await?;
    for name in ["orders.v1", "7orders"] {
        let error = cluster.apply(&manifest(name, "{function: {name: a}}"), Some(&namespace)).await.expect_err(name);
        assert!(format!("{error:#}").contains("give spec.service.name"), "{error:#}");
        cluster.apply(&manifest(name, "{function: {name: a}, service: {name: orders}}"), Some(&namespace)).await?;
    }
    Ok(())
}
