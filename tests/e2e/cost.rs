//! What a route costs in calls to AWS: the floor, and nothing for a restart, a status or a second route.

use std::time::Duration;

use http::StatusCode;
use kube::api::{Api, Patch, PatchParams};
use lambdaroute_crds::LambdaRoute;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::many_routes::ManyRoutes;
use lambdaroute_tests::stack::{Calls, Shape, Stack, floor};
use serde_json::json;

fn reads(count: usize) -> Calls {
    let mut calls = floor(1);
    calls[0].1 += count;
    calls[1].1 += count;
    calls
}

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

async fn annotate(stack: &Stack, route: &str, value: &str) -> anyhow::Result<()> {
    let patch = json!({"metadata": {"annotations": {"lambdaroute.dev/reconcile-at": value}}});
    let api: Api<LambdaRoute> = Api::namespaced(stack.client(), &stack.namespace);
    api.patch(route, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

async fn handled(stack: &Stack, route: &str, value: &str) -> anyhow::Result<()> {
    stack
        .eventually(&format!("the look that {value} asks for"), async || {
            let status = stack.get(route).await?.status.unwrap_or_default();
            Ok((status.last_handled_reconcile_at.as_deref() == Some(value)).then_some(()))
        })
        .await
}

/// A route on a function of its own comes up: whatever was due before it has been worked on.
async fn another_comes_up(stack: &Stack, name: &str) -> anyhow::Result<()> {
    let function = stack.function(Handler::Echo).await?;
    stack.route(name, &spec(&function)).await?;
    stack.ready(name).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_costs_the_floor_and_its_further_routes_and_restarts_cost_nothing() -> anyhow::Result<()> {
    let mut stack = Stack::with("floor", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    let first = stack.ready("orders").await?.status.unwrap_or_default().targets.remove(0);
    assert_eq!(stack.controller_calls(Some(&function)), floor(1));
    assert!(first.last_sync_time.is_some() && first.settings_digest.is_some(), "{first:?}");

    for name in ["second", "third"] {
        stack.route(name, &spec(&function)).await?;
        stack.ready(name).await?;
    }
    assert_eq!(stack.controller_calls(Some(&function)), floor(1), "further routes cost nothing");

    stack.route("third", &format!("{{function: {{name: {}}}, concurrency: {{max: 9}}}}", function.name())).await?;
    stack.ready("third").await?;
    assert_eq!(stack.controller_calls(Some(&function)), floor(1), "a change that is none of AWS's costs nothing");

    for round in 0..2 {
        stack.kill_controller(0).await?;
        stack.start_controller(0).await?;
        another_comes_up(&stack, &format!("after-{round}")).await?;
        assert_eq!(stack.controller_calls(Some(&function)), floor(1), "a restart costs nothing");
    }
    let again = stack.ready("orders").await?.status.unwrap_or_default().targets.remove(0);
    assert_eq!(again, first, "nothing of it is written anew");
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);

    stack.delete("second").await?;
    stack.delete("third").await?;
    stack.delete("orders").await?;
    assert!(stack.statements(&function, None).await?.is_empty(), "a leader that never looked takes back what is ours");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_somebody_asks_for_is_made_once_also_over_a_restart() -> anyhow::Result<()> {
    let mut stack = Stack::with("asked", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.ready("orders").await?;
    annotate(&stack, "orders", "2026-11-27T10:00:00Z").await?;
    handled(&stack, "orders", "2026-11-27T10:00:00Z").await?;
    assert_eq!(stack.controller_calls(Some(&function)), reads(1));
    another_comes_up(&stack, "meanwhile").await?;
    stack.kill_controller(0).await?;
    stack.start_controller(0).await?;
    another_comes_up(&stack, "after").await?;
    assert_eq!(stack.controller_calls(Some(&function)), reads(1), "it isn't asked for again");
    stack.kill_controller(0).await?;
    annotate(&stack, "orders", "again, please").await?;
    stack.start_controller(0).await?;
    handled(&stack, "orders", "again, please").await?;
    assert_eq!(stack.controller_calls(Some(&function)), reads(2), "one that nobody heard is made by the next leader");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_principal_makes_every_route_due_at_once() -> anyhow::Result<()> {
    let mut stack = Stack::with("principal", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.ready("orders").await?;
    let stranger = stack.principals().stranger.arn.clone();
    stack.kill_controller(0).await?;
    stack.set_controller_flag(0, &format!("--proxy-principal={stranger}"));
    stack.start_controller(0).await?;
    stack
        .eventually("statements for the new principal alone", async || {
            let statements = stack.statements(&function, None).await?;
            let new = statements.iter().filter(|it| it["Principal"]["AWS"] == stranger.as_str()).count();
            Ok((new == 2 && statements.len() == 2).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_found_within_the_interval_once_for_all_routes_and_repaired() -> anyhow::Result<()> {
    let values = json!({"controller": {"driftInterval": "6s"}});
    let stack = Stack::with("drift", Shape { proxies: 1, values, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    for name in ["one", "two", "three"] {
        stack.route(name, &spec(&function)).await?;
        stack.ready(name).await?;
    }
    let begun = std::time::Instant::now();
    let before = stack.controller_calls(Some(&function));
    let policy = Match::operation(Operation::GetPolicy).function(function.name());
    let looks = stack.aws.count(&policy);
    stack.aws.wait_for(&policy, looks + 3).await?;
    assert!(begun.elapsed() > Duration::from_secs(8), "three looks take two whole periods at least, for all routes");
    let after = stack.controller_calls(Some(&function));
    let of = |calls: &[(Operation, usize)], operation| {
        calls.iter().find(|(of, _)| *of == operation).map_or(0, |(_, count)| *count)
    };
    for operation in [Operation::AddPermission, Operation::CreateFunctionUrlConfig, Operation::GetFunction] {
        assert_eq!(of(&after, operation), of(&before, operation), "{operation:?}");
    }

    let sid = stack.statements(&function, None).await?[0]["Sid"].as_str().unwrap_or_default().to_owned();
    stack.remove_statement(&function, None, &sid).await?;
    stack
        .eventually("the statement to be back", async || {
            let statements = stack.statements(&function, None).await?;
            Ok(statements.iter().any(|statement| statement["Sid"] == sid.as_str()).then_some(()))
        })
        .await?;
    stack
        .eventually("the metrics to tell it", async || {
            let metrics = stack.controller_admin(0, "/metrics").await?.body;
            let metrics = String::from_utf8_lossy(&metrics).into_owned();
            let tells = |what: &str| {
                let line = format!(r#"lambdaroute_controller_drift_{what}_total{{kind="permission_missing"}} 1"#);
                metrics.lines().any(|known| known == line)
            };
            Ok((tells("found") && tells("repaired")).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_reports_lead_to_one_look_a_minute_however_many_calls_fail() -> anyhow::Result<()> {
    let stack = Stack::with("reports", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    let function_url = function.url(None).await?.unwrap_or_default();
    let refusal = lambdaroute_tests::gate::Answer::aws_error(StatusCode::FORBIDDEN, "AccessDeniedException", "no");
    let _refused = stack.aws.on(Match::function_url(&function_url)).answer(refusal);
    let look = Match::operation(Operation::GetPolicy).function(function.name());
    assert_eq!(get(&url).await?.cause().as_deref(), Some("lambda_access_denied"));
    stack.aws.wait_for(&look, 2).await?;
    stack
        .still(Duration::from_secs(8), "no further look, whatever fails", async || {
            get(&url).await?;
            Ok(stack.aws.count(&look) == 2)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_routes_on_ten_functions_cost_the_floor_within_awss_own_limits() -> anyhow::Result<()> {
    let stack = Stack::with("thirty", Shape { proxies: 1, ..Shape::default() }).await?;
    let aws = stack.aws.lambda().expect("it stands before the emulator");
    aws.keep_rates();
    let cost = ManyRoutes { routes: 30, functions: 10 }.bring_up(&stack, Duration::from_secs(120)).await?;
    assert_eq!(cost.calls, floor(10));
    assert_eq!(aws.over_rates(), 0, "AWS would have refused none");
    Ok(())
}
