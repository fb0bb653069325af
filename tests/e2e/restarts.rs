//! Processes die at bad moments; routes don't notice, and nothing is doubled or lost.

use std::time::Duration;

use http::StatusCode;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use rand::Rng;

/// So often a controller is killed in the middle of a create; `kills.rs` does it at each write.
const KILLS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_killed_at_a_random_moment_of_a_create_converges_and_doubles_nothing() -> anyhow::Result<()> {
    let mut stack = Stack::start("kills").await?;
    for round in 0..KILLS {
        let function = stack.function(Handler::Echo).await?;
        let name = format!("route-{round}");
        stack.route(&name, &format!("{{function: {{name: {}}}}}", function.name())).await?;
        // The moment is random on purpose: a create takes some tens of milliseconds.
        let moment = Duration::from_micros(rand::rng().random_range(0..120_000));
        let _ = tokio::time::timeout(moment, std::future::pending::<()>()).await;
        stack.kill_controller(0).await?;
        stack.start_controller(0).await?;
        let route = stack.ready(&name).await.map_err(|error| error.context(format!("killed after {moment:?}")))?;
        let target = route.status.unwrap_or_default().targets.remove(0);
        assert_eq!(target.function_url, function.url(None).await?, "killed after {moment:?}");
        let statements = stack.statements(&function, None).await?;
        assert_eq!(statements.len(), 2, "killed after {moment:?}: {statements:?}");
        assert_eq!(get(&stack.url(&name).await?).await?.status, StatusCode::OK, "killed after {moment:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_create_and_mark_leaves_a_url_that_is_used_and_never_deleted() -> anyhow::Result<()> {
    let mut stack = Stack::start("crash").await?;
    let function = stack.function(Handler::Echo).await?;
    let held =
        stack.aws.on(Match::operation(Operation::CreateFunctionUrlConfig).function(function.name())).hold_after();
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    held.arrived().await?;
    stack.kill_controller(0).await?;
    held.release();
    stack.start_controller(0).await?;
    let route = stack.ready("orders").await?;
    let target = route.status.unwrap_or_default().targets.remove(0);
    assert_eq!(target.ownership, Some(lambdaroute_crds::Ownership::Unproven));
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    let url = function.url(None).await?;
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, url, "in doubt it isn't ours");
    assert!(stack.statements(&function, None).await?.is_empty(), "without our statements it admits nobody");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_restarted_with_no_controller_running_serves_its_last_table() -> anyhow::Result<()> {
    let mut stack = Stack::start("alone").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    stack.kill_controller(0).await?;
    for index in 0..stack.proxies() {
        stack.kill_proxy(index).await?;
        stack.start_proxy(index).await?;
    }
    stack
        .eventually("the restarted proxy to serve", async || {
            Ok(get(&url).await.is_ok_and(|answer| answer.status == StatusCode::OK).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_controller_takes_over_and_no_endpoint_is_lost_meanwhile() -> anyhow::Result<()> {
    let mut stack = Stack::with("takeover", Shape { controllers: 2, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let before = stack.endpoints("orders").await?;
    assert_eq!(before.len(), stack.proxies());
    let leader = stack.leader().await?;
    let watcher = stack.watch_endpoints("orders").await?;
    let ready_since = stack.until("orders", "Ready", "True", "Ready").await?.last_transition_time;
    stack.kill_controller(leader).await?;
    stack
        .eventually("the other controller to lead", async || Ok((stack.leader().await? != leader).then_some(())))
        .await?;
    let second = stack.function(Handler::Echo).await?;
    stack.route("after", &format!("{{function: {{name: {}}}}}", second.name())).await?;
    stack.ready("after").await?;
    assert_eq!(get(&stack.url("after").await?).await?.status, StatusCode::OK);
    assert_eq!(stack.endpoints("orders").await?, before);
    assert_eq!(watcher.fewest(), before.len(), "an endpoint was gone for a moment");
    let ready = stack.until("orders", "Ready", "True", "Ready").await?;
    assert_eq!(ready.last_transition_time, ready_since, "a change of leader is nothing to a route that works");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaving_proxy_is_out_of_the_slices_before_it_stops_and_ends_its_requests() -> anyhow::Result<()> {
    let mut stack = Stack::start("leaving").await?;
    let function = stack.function(Handler::Slow).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let url = stack.url_at("orders", 0).await?;
    let slow = tokio::spawn({
        let url = format!("{url}/?seconds=4");
        async move { get(&url).await }
    });
    stack
        .eventually("the slow request to run", async || Ok((function.invocations().await? == 1).then_some(())))
        .await?;
    stack.terminate_proxy(0).await?;
    stack
        .eventually("the proxy to be out of the slices", async || {
            Ok((!stack.endpoints("orders").await?.contains(&stack.pod(0))).then_some(()))
        })
        .await?;
    assert_eq!(slow.await??.status, StatusCode::OK, "a request in flight is served to its end");
    stack.proxy_ended(0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_secret_is_gone_is_served_on_under_another_leader() -> anyhow::Result<()> {
    let namespace = format!("secretless-{:06x}", rand::random::<u32>() & 0xff_ffff);
    let values = serde_json::json!({"controller": {"secretNamespaces": [namespace]}});
    let shape = Shape { values, namespace: Some(namespace), ..Shape::default() };
    let mut stack = Stack::with("secretless", shape).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.secret("gateway", &[("key", "planted")]).await?;
    let header = "{set: [{name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}]}";
    stack.route("orders", &format!("{{function: {{name: {}}}, requestHeaders: {header}}}", function.name())).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    let before = stack
        .eventually("an endpoint at every proxy", async || {
            Ok(Some(stack.endpoints("orders").await?).filter(|endpoints| endpoints.len() == stack.proxies()))
        })
        .await?;
    stack.delete_secret("gateway").await?;
    stack.until("orders", "ResolvedRefs", "False", "SecretNotFound").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK, "what proxies have goes on");

    let watcher = stack.watch_endpoints("orders").await?;
    stack.kill_controller(0).await?;
    stack.start_controller(0).await?;
    // Whatever the new leader told proxies about the route, it told before a later route was ready.
    let other = stack.function(Handler::Echo).await?;
    stack.route("later", &format!("{{function: {{name: {}}}}}", other.name())).await?;
    stack.ready("later").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);
    assert_eq!(stack.endpoints("orders").await?, before);
    assert_eq!(watcher.fewest(), before.len(), "an endpoint was gone for a moment");

    stack.secret("gateway", &[("key", "planted-again")]).await?;
    stack.ready("orders").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);
    Ok(())
}
