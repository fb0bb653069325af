//! What is told as Events: each change once, with AWS's request id, and what somebody else did and was changed back.

use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::scripted_proxy;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

fn spec(function: &Function, more: &str) -> String {
    format!("{{function: {{name: {}}}{more}}}", function.name())
}

const STREAMING: &str = ", upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}";

/// The Events of this reason about a route.
async fn told(stack: &Stack, route: &str, reason: &str) -> anyhow::Result<Vec<Event>> {
    let events: Api<Event> = Api::namespaced(stack.client(), &stack.namespace);
    let all = events.list(&ListParams::default()).await?.items;
    let about = |event: &Event| event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(route);
    Ok(all.into_iter().filter(|event| event.reason.as_deref() == Some(reason) && about(event)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_did_is_changed_back_and_told_once_and_a_users_own_change_is_not() -> anyhow::Result<()> {
    let stack = Stack::with("drifted", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, "")).await?;
    stack.ready("orders").await?;
    assert_eq!(told(&stack, "orders", "DriftCorrected").await?.len(), 0, "a route that comes up is no drift");
    let granted = told(&stack, "orders", "PermissionGranted").await?.len();

    let sids = stack.statements(&function, None).await?;
    let sid = sids[0]["Sid"].as_str().unwrap_or_default().to_owned();
    stack.remove_statement(&function, None, &sid).await?;
    stack.update_foreign_url(&function, &json!({"InvokeMode": "RESPONSE_STREAM"})).await?;
    stack.annotate("orders", "lambdaroute.dev/reconcile-at", "1").await?;
    let event = stack.event("orders", "DriftCorrected").await?;
    assert_eq!(event.type_.as_deref(), Some("Normal"));
    let note = event.note.unwrap_or_default();
    for part in [function.arn().as_str(), &sid, "AddPermission", "UpdateFunctionUrlConfig", "request id "] {
        assert!(note.contains(part), "{note}");
    }
    assert_eq!(stack.invoke_mode(&function).await?.as_deref(), Some("BUFFERED"));
    stack.annotate("orders", "lambdaroute.dev/reconcile-at", "2").await?;
    stack
        .eventually("the second look", async || {
            let status = stack.get("orders").await?.status.unwrap_or_default();
            Ok((status.last_handled_reconcile_at.as_deref() == Some("2")).then_some(()))
        })
        .await?;

    stack.route("orders", &spec(&function, STREAMING)).await?;
    let event = stack.event("orders", "FunctionURLUpdated").await?;
    assert!(event.note.unwrap_or_default().contains("request id "));
    stack.ready("orders").await?;
    assert_eq!(told(&stack, "orders", "DriftCorrected").await?.len(), 1, "only on change, and only for drift");
    assert_eq!(told(&stack, "orders", "PermissionGranted").await?.len(), granted, "a repair is one Event");
    assert_eq!(told(&stack, "orders", "FunctionURLUpdated").await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_aws_refuses_at_first_is_told_when_it_is_done() -> anyhow::Result<()> {
    let stack = Stack::with("late-repair", Shape { proxies: 0, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, "")).await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    let sids = stack.statements(&function, None).await?;
    stack.remove_statement(&function, None, sids[0]["Sid"].as_str().unwrap_or_default()).await?;
    let adds = Match::operation(Operation::AddPermission).function(function.name());
    let refused = stack.aws.on(adds).answer(Answer::throttled());
    stack.annotate("orders", "lambdaroute.dev/reconcile-at", "1").await?;
    stack.until("orders", "PermissionsReady", "False", "Throttled").await?;
    stack.event("orders", "Throttled").await?;
    assert_eq!(told(&stack, "orders", "DriftCorrected").await?.len(), 0, "nothing is changed back yet");
    drop(refused);
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    stack.event("orders", "DriftCorrected").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routes_life_is_told_from_its_first_write_to_its_last() -> anyhow::Result<()> {
    let stack = Stack::start("told").await?;
    stack.allow(&["Grants"]).await?;
    let name = stack.function_name();
    stack.route("orders", &format!("{{function: {{name: {name}}}}}")).await?;
    let event = stack.event("orders", "FunctionNotFound").await?;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    let function = stack.deploy(&name, Handler::Echo).await?;
    stack.ready("orders").await?;
    for reason in ["FunctionURLCreated", "PermissionGranted"] {
        let event = stack.event("orders", reason).await?;
        let note = event.note.unwrap_or_default();
        assert!(note.contains(&function.arn()) && note.contains("request id "), "{reason}: {note}");
    }
    let note = stack.event("orders", "Programmed").await?.note.unwrap_or_default();
    assert!(note.contains("http://orders."), "{note}");

    let account = ", permissions: {grants: [{name: partner, principal: '444455556666'}]}";
    stack.route("orders", &spec(&function, account)).await?;
    stack
        .eventually("the grant's statements", async || {
            Ok((stack.statements(&function, None).await?.len() == 4).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    stack.route("orders", &spec(&function, "")).await?;
    let note = stack.event("orders", "PermissionRevoked").await?.note.unwrap_or_default();
    assert!(note.contains("RemovePermission lr1-") && note.contains("request id "), "{note}");
    stack.ready("orders").await?;
    assert_eq!(told(&stack, "orders", "DriftCorrected").await?.len(), 0, "all of it was the user's own change");
    stack.delete("orders").await?;
    let note = stack.event("orders", "FunctionURLDeleted").await?.note.unwrap_or_default();
    assert!(note.contains(&function.arn()), "{note}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_without_credentials_are_told() -> anyhow::Result<()> {
    let stack = Stack::with("poor", Shape { proxies: 0, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, "")).await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    let silent = stack.scripted_proxy(scripted_proxy::Answer::Silence).await?;
    silent.proxy.report_no_credentials("the provider gave none").await;
    let event = stack.event("orders", "Unavailable").await?;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert!(event.note.unwrap_or_default().contains("IRSA"));
    Ok(())
}
