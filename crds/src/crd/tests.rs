//! The shipped CRD: fresh, bounded, structural.

use std::path::Path;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{JSONSchemaProps, JSONSchemaPropsOrArray};

use super::{crd, crds};

/// Calls `visit` with every schema below the root's spec and status, but not with reserved ones, which are kept whole.
fn walk(path: &str, schema: &JSONSchemaProps, in_items: bool, visit: &mut dyn FnMut(&str, &JSONSchemaProps, bool)) {
    visit(path, schema, in_items);
    let reserved = |schema: &JSONSchemaProps| schema.x_kubernetes_preserve_unknown_fields == Some(true);
    for (name, property) in schema.properties.iter().flatten().filter(|(_, property)| !reserved(property)) {
        walk(&format!("{path}.{name}"), property, in_items, visit);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items
        && !reserved(items)
    {
        walk(&format!("{path}[]"), items, true, visit);
    }
}

fn every_schema(visit: &mut dyn FnMut(&str, &JSONSchemaProps, bool)) {
    for crd in crds() {
        let root = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
        for section in ["spec", "status"] {
            if let Some(schema) = root.properties.as_ref().unwrap().get(section) {
                walk(section, schema, false, visit);
            }
        }
    }
}

fn is_reserved_list(schema: &JSONSchemaProps) -> bool {
    matches!(&schema.items, Some(JSONSchemaPropsOrArray::Schema(items)) if items.x_kubernetes_preserve_unknown_fields == Some(true))
}

#[test]
fn generated_files_are_fresh() {
    for (name, text) in crate::generated().unwrap() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "crds/{name} is stale: run `cargo generate`");
    }
}

#[test]
fn every_string_is_bounded() {
    every_schema(&mut |path, schema, _| {
        if schema.type_.as_deref() == Some("string") {
            assert!(schema.max_length.is_some() || schema.enum_.is_some(), "{path} has no maxLength");
        }
    });
}

#[test]
fn every_list_is_bounded_and_says_its_list_type() {
    let mut lists = 0;
    every_schema(&mut |path, schema, _| {
        if schema.type_.as_deref() == Some("array") {
            lists += 1;
            assert!(schema.x_kubernetes_list_type.is_some(), "{path} has no x-kubernetes-list-type");
            assert!(schema.max_items.is_some(), "{path} has no maxItems");
        }
    });
    assert!(lists >= 5, "the walk saw {lists} lists");
}

#[test]
fn nothing_inside_a_list_item_has_a_default() {
    every_schema(&mut |path, schema, in_items| assert!(!in_items || schema.default.is_none(), "{path} has a default"));
}

#[test]
fn no_field_is_nullable_and_every_field_is_described() {
    every_schema(&mut |path, schema, _| {
        assert_eq!(schema.nullable, None, "{path} is nullable");
        assert!(
            schema.description.is_some() || path.ends_with("[]") || !path.contains('.'),
            "{path} has no description"
        );
        let text = schema.description.as_deref().unwrap_or_default();
        assert!(!text.contains("See ["), "{path} sends its reader into the source: {text}");
    });
}

#[test]
fn fields_that_restrict_access_and_are_not_built_yet_are_kept_whole() {
    let crd = crd();
    let root = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let spec = root.properties.as_ref().unwrap()["spec"].properties.as_ref().unwrap();
    assert_eq!(spec["validation"].x_kubernetes_preserve_unknown_fields, Some(true));
    for field in ["authorization", "quotas"] {
        assert!(is_reserved_list(&spec[field]), "spec.{field}");
    }
}

/// The rules that an access policy's spec breaks, as `broken` has them for a route's.
fn broken_policy(spec: &str) -> Vec<(String, String)> {
    let policy = crate::LambdaAccessPolicy::new("shop", serde_yaml_ng::from_str(spec).unwrap());
    let errors = kube::core::cel::validate_cel(&policy).err();
    let told = errors.iter().flat_map(|errors| errors.iter());
    told.map(|error| (error.field_path.clone(), error.message.clone())).collect()
}

#[test]
fn an_access_policy_that_would_mean_nothing_or_too_much_is_refused_at_its_field() {
    let functions = "functions: ['arn:aws:lambda:eu-west-1:111122223333:function:shop-*']";
    for (spec, path, says) in [
        (
            "{namespaceSelector: {matchLabels: {a: b}}, functions: []}".to_owned(),
            "spec.functions",
            "would let nobody in",
        ),
        ("{namespaceSelector: {}, functions: ['*']}".to_owned(), "spec.functions", "must be ARNs of functions"),
        (
            "{namespaceSelector: {}, functions: ['arn:aws:lambda:eu-west-1:111122223333:function:a:b:c']}".to_owned(),
            "spec.functions",
            "must be ARNs",
        ),
        (
            "{namespaceSelector: {}, functions: ['arn:aws:sns:eu-west-1:111122223333:function:a']}".to_owned(),
            "spec.functions",
            "must be ARNs",
        ),
        (format!("{{namespaceSelector: {{}}, {functions}}}"), "spec.namespaceSelector", "all namespaces are"),
        (
            format!("{{namespaceSelector: {{matchLabels: {{}}, matchExpressions: []}}, {functions}}}"),
            "spec.namespaceSelector",
            "all namespaces are",
        ),
        (
            format!("{{namespaceSelector: {{matchLabels: {{a: b}}}}, {functions}, allow: []}}"),
            "spec.allow",
            "remove it",
        ),
        (
            format!("{{namespaceSelector: {{matchLabels: {{'team/': shop}}}}, {functions}}}"),
            "spec.namespaceSelector",
            "must be labels",
        ),
        (
            format!("{{namespaceSelector: {{matchExpressions: [{{key: team, operator: NotIn}}]}}, {functions}}}"),
            "spec.namespaceSelector.matchExpressions[0]",
            "at least one value",
        ),
        (
            format!(
                "{{namespaceSelector: {{matchExpressions: [{{key: team, operator: Exists, values: [a]}}]}}, {functions}}}"
            ),
            "spec.namespaceSelector.matchExpressions[0]",
            "goes with the operators In and NotIn",
        ),
        (
            format!("{{namespaceSelector: {{matchExpressions: [{{key: 'te am', operator: Exists}}]}}, {functions}}}"),
            "spec.namespaceSelector.matchExpressions[0]",
            "must be a label's key",
        ),
    ] {
        let broken = broken_policy(&spec);
        assert!(broken.iter().any(|(at, message)| at == path && message.contains(says)), "{spec} breaks {broken:?}");
    }
}

#[test]
fn an_access_policy_that_a_platform_team_writes_is_taken() {
    for spec in [
        "{namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: Exists}]}, functions: ['arn:*:lambda:*:*:function:*', 'arn:aws:lambda:*:*:function:*:*']}",
        "{namespaceSelector: {matchLabels: {team: shop, kubernetes.io/metadata.name: ''}, matchExpressions: [
            {key: example.com/stage, operator: In, values: [prod]}, {key: legacy, operator: DoesNotExist}]},
          functions: ['arn:aws:lambda:eu-west-1:111122223333:function:shop-*:PROD',
            'arn:aws-cn:lambda:cn-north-1:111122223333:function:a:$LATEST'],
          allow: [PublicURL, Adopt, Grants, CrossAccount]}",
    ] {
        assert_eq!(broken_policy(spec), [], "{spec}");
    }
}

/// The rules that a spec breaks, evaluated here as the API server does: the path of each, and what it says.
fn broken(fields: &str) -> Vec<(String, String)> {
    let spec = serde_yaml_ng::from_str(&format!("{{function: {{name: orders}}, {fields}}}")).unwrap();
    let errors = kube::core::cel::validate_cel(&crate::LambdaRoute::new("orders", spec)).err();
    let errors = errors.iter().flat_map(|errors| errors.iter());
    // `function` is a word of CEL, which the API server reads as a field's name all the same, and this evaluator doesn't.
    let told = errors.filter(|error| error.rule != "has(self.function)");
    told.map(|error| (error.field_path.clone(), error.message.clone())).collect()
}

#[test]
fn rules_refuse_at_their_field_and_say_what_to_do() {
    for (fields, path, says) in [
        ("auth: {methods: []}", "spec.auth.methods", "give a method, or remove spec.auth"),
        (
            "auth: {methods: [{name: a, type: APIKey, apiKey: {consumers: [{name: web, digests: [key]}]}}]}",
            "spec.auth.methods[0].apiKey.consumers[0].digests",
            "a key itself never belongs here",
        ),
        ("rateLimits: [{name: a, requests: 1, interval: 2h}]", "spec.rateLimits[0].interval", "from 1s to 1h"),
        ("sourceRanges: {allow: [10.0.0.1/8]}", "spec.sourceRanges.allow", "no bits set behind the prefix"),
        ("maxRequestBody: 7Mi", "spec.maxRequestBody", "at most 6Mi"),
        ("forwardAuthorizationAs: x_amz_date", "spec.forwardAuthorizationAs", "choose another one"),
    ] {
        let broken = broken(fields);
        assert!(broken.iter().any(|(at, message)| at == path && message.contains(says)), "{fields} breaks {broken:?}");
    }
}

#[test]
fn rules_let_pass_what_users_write() {
    for fields in [
        "auth: {methods: [{name: a, type: JWT, jwt: {issuer: 'https://idp.example', audiences: [orders]}}]}, \
         rateLimits: [{name: a, requests: 1, interval: 1m30s, keys: [{type: Consumer}, {type: Claim, claim: sub}]}]",
        "sourceRanges: {allow: [10.0.0.0/8, '2001:db8::/32']}, maxRequestBody: 512Ki, timeouts: {firstByte: 15m5s}",
        "requestHeaders: {set: [{name: X-Stage, value: prod}], remove: [cookie]}",
    ] {
        assert_eq!(broken(fields), [], "{fields}");
    }
}

#[test]
fn descriptions_flow_and_keep_their_paragraphs() {
    assert_eq!(super::flowing("one\ntwo\n\nthree"), "one two\n\nthree");
}
