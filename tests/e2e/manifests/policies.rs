//! Wrong access policies meet the real API server.

use lambdaroute_tests::environment::Environment;
use serde_json::json;

const NAMED: &str = "namespaceSelector: {matchLabels: {team: nobody}}";
const FUNCTIONS: &str = "functions: ['arn:aws:lambda:eu-west-1:111122223333:function:shop-*']";

/// What stands in `spec`, with `NAMED` and `FUNCTIONS` for themselves, and a part of the message that refuses it.
const WRONG: &[(&str, &str)] = &[
    ("FUNCTIONS", "spec.namespaceSelector: Required value"),
    ("NAMED", "spec.functions: Required value"),
    (
        "namespaceSelector: {}, FUNCTIONS",
        "spec.namespaceSelector is empty: give labels; all namespaces are matchExpressions: [{key: \
         kubernetes.io/metadata.name, operator: Exists}]",
    ),
    ("namespaceSelector: {matchLabels: {}, matchExpressions: []}, FUNCTIONS", "spec.namespaceSelector is empty"),
    (
        "namespaceSelector: {matchLables: {team: shop}}, FUNCTIONS",
        "unknown field \"spec.namespaceSelector.matchLables\"",
    ),
    (
        "namespaceSelector: {matchLabels: {'te am': shop}}, FUNCTIONS",
        "spec.namespaceSelector.matchLabels must be labels",
    ),
    (
        "namespaceSelector: {matchExpressions: [{key: team, operator: In}]}, FUNCTIONS",
        "values goes with the operators In and NotIn, which need at least one value",
    ),
    (
        "namespaceSelector: {matchExpressions: [{key: team, operator: Exists, values: [a]}]}, FUNCTIONS",
        "values goes with the operators In and NotIn",
    ),
    (
        "namespaceSelector: {matchExpressions: [{key: 'te am', operator: Exists}]}, FUNCTIONS",
        "spec.namespaceSelector.matchExpressions[].key must be a label's key",
    ),
    ("namespaceSelector: {matchExpressions: [{key: a, operator: Gt}]}, FUNCTIONS", "Unsupported value: \"Gt\""),
    ("NAMED, functions: []", "spec.functions is empty, which would let nobody in"),
    ("NAMED, functions: ['*']", "spec.functions must be ARNs of functions such as"),
    ("NAMED, functions: [shop-orders]", "spec.functions must be ARNs of functions such as"),
    ("NAMED, functions: ['arn:aws:lambda:eu-west-1:111122223333:function:a:b:c']", "spec.functions must be ARNs"),
    ("NAMED, functions: ['arn:aws:sns:eu-west-1:111122223333:orders']", "spec.functions must be ARNs"),
    ("NAMED, FUNCTIONS, allow: []", "spec.allow is empty: remove it"),
    ("NAMED, FUNCTIONS, allow: [Everything]", "Unsupported value: \"Everything\""),
    ("NAMED, FUNCTIONS, allow: [PublicURL, PublicURL]", "spec.allow[1]: Duplicate value"),
];

const RIGHT: &[&str] = &[
    "NAMED, FUNCTIONS",
    "NAMED, FUNCTIONS, allow: [PublicURL, Adopt, Grants, CrossAccount]",
    "NAMED, functions: ['arn:*:lambda:*:*:function:*', 'arn:aws:lambda:*:*:function:*:*', 'arn:aws:lambda:*:*:function:a:$LATEST']",
    "namespaceSelector: {matchLabels: {team: nobody}, matchExpressions: [{key: example.com/stage, operator: NotIn, values: [a, b]}, \
     {key: legacy, operator: DoesNotExist}, {key: kubernetes.io/metadata.name, operator: Exists}]}, FUNCTIONS",
];

fn policy(name: &str, fields: &str) -> serde_json::Value {
    let spec = format!("{{{}}}", fields.replace("NAMED", NAMED).replace("FUNCTIONS", FUNCTIONS));
    let spec: serde_json::Value = serde_yaml_ng::from_str(&spec).unwrap();
    json!({"apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaAccessPolicy", "metadata": {"name": name}, "spec": spec})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_access_policy_is_refused_with_a_message_that_says_what_to_do() -> anyhow::Result<()> {
    let cluster = Environment::shared().await?.cluster().await?;
    for (fields, message) in WRONG {
        let error = cluster.create(&policy("manifests-wrong", fields), None).await.expect_err(fields);
        let said = format!("{error:#}");
        assert!(said.contains(message), "{fields} was refused with {said}");
    }
    for (index, fields) in RIGHT.iter().enumerate() {
        cluster.apply(&policy(&format!("manifests-right-{index}"), fields), None).await?;
    }
    Ok(())
}
