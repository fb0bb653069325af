//! Deleting never hangs without a word: what blocks it is told with the way out, and whoever forces it is told what is left.

use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use lambdaroute_crds::LambdaRoute;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation, Rule};
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::{Value, json};

async fn start(name: &str) -> anyhow::Result<Stack> {
    Stack::with(name, Shape { proxies: 0, ..Shape::default() }).await
}

/// A route that has all that it needs in AWS.
async fn route(stack: &Stack, name: &str, function: &Function, more: &str) -> anyhow::Result<()> {
    stack.route(name, &format!("{{function: {{name: {}}}{more}}}", function.name())).await?;
    stack.until(name, "PermissionsReady", "True", "Synced").await?;
    Ok(())
}

/// AWS refuses to take this function's statements back.
fn deny(stack: &Stack, function: &Function) -> Rule {
    let controller = &stack.principals().controller.arn;
    stack
        .aws
        .on(Match::operation(Operation::DeleteFunctionUrlConfig).function(function.name()))
        .answer(Answer::access_denied(controller, "lambda:DeleteFunctionUrlConfig", &function.arn()))
}

async fn begin_to_delete(stack: &Stack, name: &str) -> anyhow::Result<()> {
    stack.routes().delete(name, &kube::api::DeleteParams::default()).await?;
    Ok(())
}

async fn gone(stack: &Stack, name: &str) -> anyhow::Result<()> {
    let what = format!("the end of {name}");
    stack.eventually(&what, async || Ok(stack.routes().get_opt(name).await?.is_none().then_some(()))).await
}

async fn blocked(stack: &Stack) -> anyhow::Result<u64> {
    let metrics = stack.controller_admin(0, "/metrics").await?.body;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    let line = metrics.lines().find_map(|line| line.strip_prefix("lambdaroute_controller_deletions_blocked "));
    Ok(line.unwrap_or_default().parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_of_fifty_routes_some_of_them_blocked_goes_away_once_aws_allows_it() -> anyhow::Result<()> {
    let stack = start("fifty").await?;
    let mut functions = Vec::new();
    for _ in 0..10 {
        functions.push(stack.function(Handler::Echo).await?);
    }
    for at in 0..50 {
        let function = functions[at % functions.len()].name();
        stack.route(&format!("r{at}"), &format!("{{function: {{name: {function}}}}}")).await?;
    }
    for at in 0..50 {
        stack.until(&format!("r{at}"), "PermissionsReady", "True", "Synced").await?;
    }
    // The last route on a function takes back what is there; those before it go at once.
    let denied: Vec<Rule> = functions[..3].iter().map(|function| deny(&stack, function)).collect();
    stack.cluster.delete_namespace(&stack.namespace).await?;
    let is_denied = |route: &LambdaRoute| {
        let name = route.spec.function.as_ref().and_then(|function| function.name.clone());
        functions[..3].iter().find(|function| Some(function.name()) == name.as_deref())
    };
    let left = stack
        .eventually("all but the blocked routes to go", async || {
            let left = stack.routes().list(&kube::api::ListParams::default()).await?.items;
            let all = left.iter().all(|route| is_denied(route).is_some());
            Ok((all && blocked(&stack).await? == left.len() as u64).then_some(left))
        })
        .await?;
    assert!(left.len() >= 3, "at least one for each function");
    let ready = stack.until(&left[0].name_any(), "Ready", "False", "DeletionBlocked").await?;
    let arn = is_denied(&left[0]).unwrap().arn();
    for says in ["Platform team: ", "lambda:DeleteFunctionUrlConfig", &arn, "force-delete=true"] {
        assert!(ready.message.contains(says), "{}", ready.message);
    }
    assert!(
        stack.controller_log(0)?.contains("a deletion is blocked"),
        "no Event can be made in a namespace that goes"
    );
    assert!(denied[0].count() <= 8, "{} tries in a moment", denied[0].count());

    drop(denied);
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> = kube::Api::all(stack.client());
    stack
        .eventually("the namespace to go", async || {
            Ok(namespaces.get_opt(&stack.namespace).await?.is_none().then_some(()))
        })
        .await?;
    for function in &functions {
        assert_eq!(function.url(None).await?, None);
        assert!(stack.statements(function, None).await?.is_empty());
    }
    stack.eventually("the metric to be 0", async || Ok((blocked(&stack).await? == 0).then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_forces_a_deletion_is_told_by_name_what_is_left() -> anyhow::Result<()> {
    let stack = start("forced").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    let _denied = deny(&stack, &function);
    begin_to_delete(&stack, "orders").await?;
    stack.until("orders", "Ready", "False", "DeletionBlocked").await?;
    let event = stack.event("orders", "DeletionBlocked").await?;
    assert!(event.note.unwrap_or_default().contains("lambda:DeleteFunctionUrlConfig"));
    stack.annotate("orders", "lambdaroute.dev/force-delete", "true").await?;
    gone(&stack, "orders").await?;
    let url = function.url(None).await?.unwrap();
    let note = stack.event("orders", "LeftBehind").await?.note.unwrap_or_default();
    for says in [function.arn(), url, format!("lr1-{}-", stack.cluster_id)] {
        assert!(note.contains(&says), "{note}");
    }
    assert!(stack.controller_log(0)?.contains("left in AWS"));
    assert_eq!(blocked(&stack).await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_can_not_be_reached_blocks_until_the_route_is_suspended() -> anyhow::Result<()> {
    let stack = start("unreachable").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    let cut = stack.aws.on(Match::any().function(function.name())).drop_before();
    begin_to_delete(&stack, "orders").await?;
    let ready = stack.until("orders", "Ready", "False", "DeletionBlocked").await?;
    assert!(ready.message.contains("gets no answer") && ready.message.contains(&function.arn()), "{}", ready.message);
    // Deletion goes before suspension, which then acts as Retain.
    let patch = Patch::Merge(json!({"spec": {"suspend": true}}));
    stack.routes().patch("orders", &PatchParams::default(), &patch).await?;
    gone(&stack, "orders").await?;
    stack.event("orders", "Retained").await?;
    drop(cut);
    assert!(function.url(None).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_never_got_as_far_as_a_write_in_aws_has_no_finalizer_and_goes_at_once() -> anyhow::Result<()> {
    let stack = start("early").await?;
    let function = stack.function(Handler::Echo).await?;
    let cut = stack.aws.on(Match::any().function(function.name())).drop_before();
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.until("orders", "FunctionURLReady", "False", "Unreachable").await?;
    assert_eq!(stack.get("orders").await?.metadata.finalizers, None);
    stack.delete("orders").await?;
    drop(cut);
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_namespace_that_goes_nothing_is_made_anew_and_nobody_is_warned() -> anyhow::Result<()> {
    let stack = Stack::with("going-namespace", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let services = kube::Api::<Service>::namespaced(stack.client(), &stack.namespace);
    let finalizers = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    services.patch("orders", &PatchParams::default(), &finalizers(json!(["example.com/keep"]))).await?;
    let denied = deny(&stack, &function);
    stack.cluster.delete_namespace(&stack.namespace).await?;
    stack.until("orders", "Ready", "False", "DeletionBlocked").await?;
    // Kubernetes takes the slices away; the route that is blocked, and whose Service stays for somebody, would still have one.
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", stack.namespace);
    let creates = Match::path(http::Method::POST, &path);
    let refused = || {
        let calls = stack.api.calls_of(&creates);
        calls.iter().filter(|call| call.status == Some(http::StatusCode::FORBIDDEN)).count()
    };
    stack.eventually("a slice to be refused", async || Ok((refused() > 0).then_some(()))).await?;
    stack
        .eventually("it not to be tried again", async || {
            let before = refused();
            stack.still(std::time::Duration::from_secs(3), "quiet", async || Ok(refused() == before)).await?;
            Ok(Some(()))
        })
        .await?;
    assert!(refused() <= 4, "{} tries to make a slice", refused());
    let log = stack.controller_log(0)?;
    for warning in ["can't write the endpoint slice", "a request to Kubernetes failed", "an event couldn't be told"] {
        assert!(!log.contains(warning), "{warning}");
    }
    services.patch("orders", &PatchParams::default(), &finalizers(json!([]))).await?;
    drop(denied);
    gone(&stack, "orders").await
}
