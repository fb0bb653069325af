//! Who may expose what: the platform team's policies, from an ordinary tenant's rights. A permission that goes takes what runs
//! by it back, at the proxies and in AWS.

use std::time::Duration;

use http::StatusCode;
use kube::ResourceExt;
use lambdaroute_crds::FINALIZER;
use lambdaroute_tests::cluster::Cluster;
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::{Value, json};

fn ordinary(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

fn public(function: &Function, more: &str) -> String {
    let name = function.name();
    format!(
        "{{function: {{name: {name}}}, upstream: {{type: FunctionURL, functionURL: {{authType: NONE}}}}, permissions: {{grants: [{{name: all, principal: '*'}}]}}{more}}}"
    )
}

fn route(stack: &Stack, name: &str, spec: &str) -> Value {
    json!({
        "apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaRoute",
        "metadata": {"name": name, "namespace": stack.namespace},
        "spec": serde_yaml_ng::from_str::<Value>(spec).unwrap(),
    })
}

/// Nothing of the route is left, neither in AWS nor at proxies, and it is still there with its finalizer.
async fn taken_back(stack: &Stack, name: &str, function: &Function) -> anyhow::Result<()> {
    stack.until(name, "Accepted", "False", "NotPermitted").await?;
    stack
        .eventually("the route to be taken back", async || {
            let clean = function.url(None).await?.is_none() && stack.statements(function, None).await?.is_empty();
            let targets = stack.get(name).await?.status.unwrap_or_default().targets;
            Ok((clean && targets.is_empty() && stack.endpoints(name).await?.is_empty()).then_some(()))
        })
        .await?;
    let there = stack.get(name).await?;
    assert!(there.finalizers().iter().any(|finalizer| finalizer == FINALIZER), "{:?}", there.finalizers());
    assert_eq!(there.metadata.deletion_timestamp, None);
    Ok(())
}

async fn refused(tenant: &Cluster, object: &Value) -> anyhow::Result<()> {
    let applied = tenant.apply(object, None).await;
    let error = format!("{:#}", applied.err().unwrap_or_else(|| anyhow::anyhow!("it was taken: {object}")));
    assert!(error.contains("forbidden"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_writes_routes_but_neither_policies_nor_labels_of_its_namespace_nor_status() -> anyhow::Result<()> {
    let stack = Stack::with("tenant", Shape { proxies: 0, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let tenant = stack.tenant().await?;
    tenant.apply(&route(&stack, "orders", &public(&function, "")), None).await?;
    let condition = stack.until("orders", "Accepted", "False", "NotPermitted").await?;
    assert!(condition.message.contains("spec.upstream.functionURL.authType"), "{}", condition.message);
    let policy = json!({
        "apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaAccessPolicy", "metadata": {"name": "mine"},
        "spec": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stack.namespace}},
            "functions": ["arn:*:lambda:*:*:function:*"], "allow": ["PublicURL"],
        },
    });
    refused(&tenant, &policy).await?;
    let labels = json!({"name": stack.namespace, "labels": {"team": "platform"}});
    refused(&tenant, &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": labels})).await?;
    let policies: kube::Api<lambdaroute_crds::LambdaAccessPolicy> = kube::Api::all(tenant.client.clone());
    assert!(policies.list(&kube::api::ListParams::default()).await.is_err(), "others' policies are nobody's business");
    let routes: kube::Api<lambdaroute_crds::LambdaRoute> =
        kube::Api::namespaced(tenant.client.clone(), &stack.namespace);
    let forged = kube::api::Patch::Merge(json!({"status": {"function": "theirs"}}));
    assert!(routes.patch_status("orders", &kube::api::PatchParams::default(), &forged).await.is_err());
    assert_eq!(function.url(None).await?, None);
    assert!(stack.aws.calls_of(&Match::any().function(function.name())).is_empty(), "AWS wasn't asked at all");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_uses_the_functions_that_a_policy_names_and_no_other() -> anyhow::Result<()> {
    let stack = Stack::start("named").await?;
    stack.guard().await?;
    let (ours, theirs) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let alias = "PROD";
    theirs.alias(alias, &theirs.publish().await?).await?;
    stack
        .policy(&json!({
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": stack.namespace}},
            "functions": [ours.arn(), format!("{}:{alias}", theirs.arn())],
        }))
        .await?;
    stack.route("ours", &ordinary(&ours)).await?;
    stack.route("theirs", &ordinary(&theirs)).await?;
    stack.route("alias", &format!("{{function: {{name: {}, qualifier: {alias}}}}}", theirs.name())).await?;
    stack.ready("ours").await?;
    stack.ready("alias").await?;
    let condition = stack.until("theirs", "Accepted", "False", "NotPermitted").await?;
    let says = format!("spec.function: the namespace {} may not use {}:", stack.namespace, theirs.arn());
    assert!(condition.message.starts_with(&says), "{}", condition.message);
    let ready = stack.until("theirs", "Ready", "False", "NotPermitted").await?;
    assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    assert_eq!(theirs.url(None).await?, None);
    assert_eq!(stack.service("theirs").await?, None);
    assert!(!stack.get("theirs").await?.finalizers().iter().any(|finalizer| finalizer == FINALIZER));
    stack.delete("theirs").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_loses_its_permission_is_taken_back_and_comes_back_with_it() -> anyhow::Result<()> {
    let stack = Stack::start("lost").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.guard().await?;
    stack.label(&json!({"tests.lambdaroute.dev/guarded": "yes", "team": "shop"})).await?;
    let selector = json!({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [stack.namespace]},
        {"key": "team", "operator": "In", "values": ["shop"]},
    ]});
    stack.policy(&json!({"namespaceSelector": selector, "functions": [function.arn()]})).await?;
    stack.route("orders", &ordinary(&function)).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);

    stack.guard().await?;
    taken_back(&stack, "orders", &function).await?;
    stack
        .eventually("the port to be closed", async || {
            Ok(get(&url).await.map_or(true, |answer| answer.status != StatusCode::OK).then_some(()))
        })
        .await?;

    stack.label(&json!({"tests.lambdaroute.dev/guarded": "yes", "team": "shop"})).await?;
    stack.ready("orders").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);

    stack.withdraw().await?;
    taken_back(&stack, "orders", &function).await?;
    stack.delete("orders").await
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_suspension_nor_retention_keeps_a_url_public_that_may_not_be() -> anyhow::Result<()> {
    let stack = Stack::start("clinging").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.allow(&["PublicURL"]).await?;
    stack.route("site", &public(&function, "")).await?;
    stack.ready("site").await?;
    let url = function.url(None).await?.unwrap();
    assert_eq!(stack.call_unsigned(&url).await?, StatusCode::OK);
    stack.route("site", &public(&function, ", suspend: true, deletionPolicy: Retain")).await?;
    stack.until("site", "Ready", "False", "Suspended").await?;

    stack.allow(&["Adopt"]).await?;
    taken_back(&stack, "site", &function).await?;
    assert_ne!(stack.call_unsigned(&url).await?, StatusCode::OK);
    stack.delete("site").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_a_single_team_allows_everything_for_as_long_as_the_value_is_on() -> anyhow::Result<()> {
    let values = json!({"accessPolicy": {"allowAll": true}});
    let mut stack = Stack::with("single-team", Shape { proxies: 0, values, ..Shape::default() }).await?;
    // No policy names the namespace.
    stack.guard().await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("site", &public(&function, "")).await?;
    stack.until("site", "PermissionsReady", "True", "Synced").await?;
    let url = function.url(None).await?.unwrap();
    assert_eq!(stack.call_unsigned(&url).await?, StatusCode::OK);
    stack.stop_controller(0).await?;
    stack.drop_controller_flag(0, "--allow-all");
    stack.start_controller(0).await?;
    taken_back(&stack, "site", &function).await?;
    assert_ne!(stack.call_unsigned(&url).await?, StatusCode::OK);
    stack.delete("site").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_route_without_its_service_loses_what_it_may_not_have_any_more() -> anyhow::Result<()> {
    let stack = Stack::with("hidden", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.allow(&["PublicURL"]).await?;
    stack.route("site", &public(&function, "")).await?;
    stack.ready("site").await?;
    // The manifest asks for nothing any more, and nothing of it is carried out.
    let suspended = format!("{{function: {{name: {}}}, suspend: true}}", function.name());
    stack.route("site", &suspended).await?;
    stack.until("site", "Ready", "False", "Suspended").await?;
    stack.delete_service("site").await?;
    assert_eq!(stack.auth_type(&function).await?.as_deref(), Some("NONE"));

    stack.allow(&["Adopt"]).await?;
    stack
        .eventually("the public URL to be taken back", async || {
            let clean = function.url(None).await?.is_none() && stack.statements(&function, None).await?.is_empty();
            let targets = stack.get("site").await?.status.unwrap_or_default().targets;
            Ok((clean && targets.is_empty()).then_some(()))
        })
        .await?;
    stack.delete("site").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_asks_for_more_than_is_allowed_loses_nothing_that_runs() -> anyhow::Result<()> {
    let stack = Stack::start("asking").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &ordinary(&function)).await?;
    stack.ready("orders").await?;
    stack.route("orders", &public(&function, "")).await?;
    stack.until("orders", "Accepted", "False", "NotPermitted").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    assert_eq!(stack.auth_type(&function).await?.as_deref(), Some("AWS_IAM"));
    stack.route("orders", &ordinary(&function)).await?;
    stack.ready("orders").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn adopting_and_granting_need_a_policy_each_and_go_with_it() -> anyhow::Result<()> {
    let stack = Stack::with("privileged", Shape { proxies: 0, ..Shape::default() }).await?;
    let (shared, found) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let url = stack.create_foreign_url(&found, "AWS_IAM").await?;
    let granting = format!(
        "{{function: {{name: {}}}, permissions: {{grants: [{{name: other, principal: '{}'}}]}}}}",
        shared.name(),
        stack.principals().controller.arn
    );
    let adopting = format!(
        "{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{management: Adopt}}}}}}",
        found.name()
    );
    let tenant = stack.tenant().await?;
    for (name, spec, field, permission) in [
        ("granting", &granting, "spec.permissions.grants", "Grants"),
        ("adopting", &adopting, "spec.upstream.functionURL.management", "Adopt"),
    ] {
        tenant.apply(&route(&stack, name, spec), None).await?;
        let condition = stack.until(name, "Accepted", "False", "NotPermitted").await?;
        assert!(condition.message.starts_with(field), "{}", condition.message);
        assert!(condition.message.contains(&format!("allows {permission} for")), "{}", condition.message);
    }
    for function in [&shared, &found] {
        let asked = stack.aws.calls_of(&Match::any().function(function.name()));
        let by_us = asked.iter().filter(|call| call.seen.operation.is_write()).count();
        assert!(by_us <= 1, "the foreign URL alone was made: {asked:?}");
        assert!(stack.statements(function, None).await?.is_empty());
    }

    stack.allow(&["Grants", "Adopt"]).await?;
    stack.until("granting", "PermissionsReady", "True", "Synced").await?;
    stack.until("adopting", "PermissionsReady", "True", "Synced").await?;
    assert_eq!(stack.statements(&shared, None).await?.len(), 4, "the proxies' pair and the grant's");

    stack.allow(&[]).await?;
    taken_back(&stack, "granting", &shared).await?;
    stack.until("adopting", "Accepted", "False", "NotPermitted").await?;
    stack
        .eventually("our statements to go", async || Ok(stack.statements(&found, None).await?.is_empty().then_some(())))
        .await?;
    assert_eq!(found.url(None).await?, Some(url), "what was adopted is never deleted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_before_the_policies_and_the_namespaces_are_known() -> anyhow::Result<()> {
    for kind in ["lambdaaccesspolicies", "namespaces"] {
        let mut stack = Stack::with("unknown", Shape { controllers: 0, proxies: 0, ..Shape::default() }).await?;
        let function = stack.function(Handler::Echo).await?;
        let unknown = stack
            .api
            .on(Match::any().when(format!("a list of {kind}"), move |seen| seen.path.ends_with(&format!("/{kind}"))))
            .answer(Answer::kubernetes(StatusCode::FORBIDDEN, "Forbidden"));
        stack.route("orders", &ordinary(&function)).await?;
        stack.add_controller().await?;
        stack.eventually("the controller to ask", async || Ok((unknown.count() > 0).then_some(()))).await?;
        stack
            .still(Duration::from_secs(3), "nothing is written", async || {
                let quiet = stack.aws.calls_of(&Match::any().function(function.name())).is_empty();
                let status = stack.get("orders").await?.status.and_then(|status| status.observed_generation);
                Ok(quiet && status == Some(-1) && stack.service("orders").await?.is_none())
            })
            .await?;
        drop(unknown);
        stack.until("orders", "FunctionURLReady", "True", "Synced").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_policy_ordinary_use_is_everybodys_until_the_first_one() -> anyhow::Result<()> {
    let environment: &'static Environment = Box::leak(Box::new(Environment::start("no-policies", |_| {}).await?));
    let stack = Stack::install(environment, "first", Shape::default()).await?;
    let (orders, site) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    stack.route("orders", &ordinary(&orders)).await?;
    stack.route("site", &public(&site, "")).await?;
    stack.ready("orders").await?;
    stack.until("site", "Accepted", "False", "NotPermitted").await?;
    stack
        .policy(&json!({
            "namespaceSelector": {"matchLabels": {"team": "others"}}, "functions": ["arn:*:lambda:*:*:function:*"],
        }))
        .await?;
    taken_back(&stack, "orders", &orders).await?;
    stack.withdraw().await?;
    stack.ready("orders").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_policy_is_required_nobody_uses_anything_without_any() -> anyhow::Result<()> {
    let environment: &'static Environment = Box::leak(Box::new(Environment::start("required", |_| {}).await?));
    let values = json!({"accessPolicy": {"required": true}});
    let stack = Stack::install(environment, "required", Shape { values, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &ordinary(&function)).await?;
    let condition = stack.until("orders", "Accepted", "False", "NotPermitted").await?;
    assert!(condition.message.contains("a LambdaAccessPolicy must name both"), "{}", condition.message);
    assert_eq!(stack.aws.count(&Match::aws_writes().function(function.name())), 0);
    stack.allow(&[]).await?;
    stack.ready("orders").await?;
    stack.withdraw().await?;
    taken_back(&stack, "orders", &function).await
}
