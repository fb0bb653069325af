//! The ways to wait for a route that `docs/gitops.md` tells, on objects that the controller wrote: kstatus, Argo CD's health
//! check in a Lua interpreter, and the real Helm with `--wait`.

use std::path::PathBuf;

use anyhow::Context;
use lambdaroute_crds::LambdaRoute;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::stack::{Shape, Stack};
use lambdaroute_tests::{helm, target};
use mlua::{Lua, Table};
use serde_json::{Value, json};

/// The health check as the page has it.
fn health_check() -> anyhow::Result<String> {
    let page = std::fs::read_to_string(target::repository().join("docs/gitops.md"))?;
    let text = page.split("```lua\n").nth(1).and_then(|rest| rest.split("```").next());
    Ok(text.context("docs/gitops.md lost its health check")?.to_owned())
}

/// What Argo CD makes of an object: status and message.
fn argo(object: &Value) -> anyhow::Result<(String, String)> {
    let lua = Lua::new();
    // As Argo CD does: the object is the global `obj`.
    lua.globals().set("obj", in_lua(&lua, object).map_err(told)?).map_err(told)?;
    let health: Table<'_> = lua.load(health_check()?).eval().map_err(told)?;
    Ok((health.get("status").map_err(told)?, health.get("message").map_err(told)?))
}

/// A value as Lua has it; what is null isn't there.
fn in_lua<'lua>(lua: &'lua Lua, value: &Value) -> mlua::Result<mlua::Value<'lua>> {
    Ok(match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(value) => mlua::Value::Boolean(*value),
        Value::Number(value) => mlua::Value::Number(value.as_f64().unwrap_or_default()),
        Value::String(value) => mlua::Value::String(lua.create_string(value)?),
        Value::Array(items) => {
            let table = lua.create_table()?;
            for item in items {
                table.push(in_lua(lua, item)?)?;
            }
            mlua::Value::Table(table)
        }
        Value::Object(fields) => {
            let table = lua.create_table()?;
            for (name, value) in fields {
                table.set(name.as_str(), in_lua(lua, value)?)?;
            }
            mlua::Value::Table(table)
        }
    })
}

fn told(error: mlua::Error) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

/// What kstatus makes of an object, by its rules for kinds that it doesn't know.
/// Source: cli-utils, pkg/kstatus/status: core.go (`checkGenericProperties`) and status.go (`checkReadyCondition`).
fn kstatus(object: &Value) -> &'static str {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating";
    }
    let observed = &object["status"]["observedGeneration"];
    if !observed.is_null() && *observed != object["metadata"]["generation"] {
        return "InProgress";
    }
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let says = |type_: &str| conditions.iter().find(|it| it["type"] == type_).map(|it| it["status"].clone());
    if says("Reconciling") == Some(json!("True")) {
        return "InProgress";
    }
    if says("Stalled") == Some(json!("True")) {
        return "Failed";
    }
    match says("Ready") {
        Some(status) if status != "True" => "InProgress",
        _ => "Current",
    }
}

async fn object(stack: &Stack, name: &str) -> anyhow::Result<Value> {
    let route: LambdaRoute = stack.get(name).await?;
    Ok(serde_json::to_value(route)?)
}

async fn judged(stack: &Stack, name: &str) -> anyhow::Result<(&'static str, String)> {
    let object = object(stack, name).await?;
    let (status, message) = argo(&object)?;
    assert!(!message.is_empty(), "{object}");
    Ok((kstatus(&object), status))
}

fn is(kstatus: &'static str, argo: &str) -> (&'static str, String) {
    (kstatus, argo.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_wait_read_a_route_rightly_at_every_stage_of_its_life() -> anyhow::Result<()> {
    let stack = Stack::with("gitops", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = |more: &str| format!("{{function: {{name: {}}}{more}}}", function.name());

    // Just applied, and not looked at: a status of the manifest before is none of this one's.
    let fresh = json!({"metadata": {"generation": 2}, "spec": {}, "status": {"observedGeneration": 1, "conditions": [
        {"type": "Ready", "status": "True", "reason": "Ready", "message": "calls are served"}]}});
    assert_eq!((kstatus(&fresh), argo(&fresh)?.0), is("InProgress", "Progressing"));
    assert_eq!(argo(&json!({"metadata": {"generation": 1}, "spec": {}}))?.0, "Progressing");

    stack.route("early", &format!("{{function: {{name: {}}}}}", stack.function_name())).await?;
    stack.until("early", "Ready", "False", "FunctionNotFound").await?;
    assert_eq!(judged(&stack, "early").await?, is("InProgress", "Progressing"), "it comes by itself");

    stack.route("orders", &spec("")).await?;
    stack.ready("orders").await?;
    assert_eq!(judged(&stack, "orders").await?, is("Current", "Healthy"));
    let ready = object(&stack, "orders").await?;
    for condition in ready["status"]["conditions"].as_array().context("conditions")? {
        assert_eq!(condition["observedGeneration"], ready["metadata"]["generation"], "kubectl wait looks at it");
    }

    stack.foreign_service("taken").await?;
    stack.route("taken", &spec("")).await?;
    stack.until("taken", "Ready", "False", "ServiceNameConflict").await?;
    assert_eq!(judged(&stack, "taken").await?, is("Failed", "Degraded"));

    stack.route("orders", &spec(", suspend: true")).await?;
    stack.until("orders", "Ready", "False", "Suspended").await?;
    assert_eq!(judged(&stack, "orders").await?, is("InProgress", "Suspended"));
    stack.route("orders", &spec("")).await?;
    stack.ready("orders").await?;

    let deletes = Match::operation(Operation::DeleteFunctionUrlConfig).function(function.name());
    let held = stack.aws.on(deletes.clone()).hold_before();
    let who = &stack.principals().controller.arn;
    let denied = Answer::access_denied(who, "lambda:DeleteFunctionUrlConfig", &function.arn());
    let denied = stack.aws.on(deletes).answer(denied);
    stack.begin_delete("orders").await?;
    held.arrived().await?;
    stack.until("orders", "Ready", "Unknown", "Pending").await?;
    assert_eq!(judged(&stack, "orders").await?, is("Terminating", "Progressing"));
    held.release();
    stack.until("orders", "Ready", "False", "DeletionBlocked").await?;
    assert_eq!(judged(&stack, "orders").await?, is("Terminating", "Degraded"));
    drop(denied);
    stack.gone("orders").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_no_controller_has_seen_yet_is_under_way() -> anyhow::Result<()> {
    let stack = Stack::with("unseen", Shape { controllers: 0, proxies: 0, ..Shape::default() }).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", stack.function_name())).await?;
    assert_eq!(judged(&stack, "orders").await?, is("InProgress", "Progressing"), "not done before it has begun");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn helm_waits_until_a_release_s_routes_are_ready_and_tells_what_keeps_them() -> anyhow::Result<()> {
    let stack = Stack::with("helm-wait", Shape { proxies: 1, ..Shape::default() }).await?;
    let name = stack.function_name();
    let directory = stack.directory.join("release");
    std::fs::create_dir_all(directory.join("templates"))?;
    std::fs::write(directory.join("Chart.yaml"), "{apiVersion: v2, name: shop, version: 0.1.0}\n")?;
    let route = "{apiVersion: lambdaroute.dev/v1alpha1, kind: LambdaRoute, metadata: {name: orders}, \
                 spec: {function: {name: '{{ .Values.function }}'}}}\n";
    std::fs::write(directory.join("templates/orders.yaml"), route)?;

    let waiting = tokio::spawn(install(stack.namespace.clone(), directory.clone(), name.clone(), "60s"));
    stack.until("orders", "Ready", "False", "FunctionNotFound").await?;
    assert!(!waiting.is_finished(), "the release isn't done as long as its route waits for its function");
    stack.deploy(&name, Handler::Echo).await?;
    waiting.await??;
    let ready = stack.get("orders").await?.status.unwrap_or_default().conditions;
    assert!(ready.iter().any(|it| it.type_ == "Ready" && it.status == "True"), "done means Ready");
    Ok(())
}

/// `helm upgrade --install --wait`, with the administrator's kubeconfig.
async fn install(namespace: String, chart: PathBuf, function: String, timeout: &'static str) -> anyhow::Result<String> {
    let environment = lambdaroute_tests::environment::Environment::shared().await?;
    let kubeconfig = environment.kubeconfig.clone();
    tokio::task::spawn_blocking(move || {
        let (chart, value) = (chart.to_string_lossy().into_owned(), format!("function={function}"));
        let arguments = [
            "upgrade",
            "shop",
            &chart,
            "--install",
            "--namespace",
            &namespace,
            "--set",
            &value,
            "--wait",
            "--timeout",
            timeout,
        ];
        helm::helm(&arguments, Some(&kubeconfig))
    })
    .await?
}
