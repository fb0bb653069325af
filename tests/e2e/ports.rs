//! A port belongs to one route at a time, for every proxy and over every change of leader: no caller of one route ever gets the
//! answer of another one's function.

use std::time::Duration;

use http::{Method, StatusCode};
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::Match;
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

async fn reaches(stack: &Stack, url: &str, function: &Function) -> anyhow::Result<()> {
    stack
        .eventually(&format!("{url} to reach {}", function.name()), async || {
            let answer = get(url).await?;
            anyhow::ensure!(answer.status == StatusCode::OK, "{answer:?}");
            Ok((answer.json()?["function"] == function.name()).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_nobodys_while_a_proxy_may_have_its_former_route_also_under_the_next_leader() -> anyhow::Result<()> {
    let values = json!({"portRange": "10000-10001"});
    let flags = vec!["--port-rest=1s".to_owned()];
    let mut stack = Stack::with("ports", Shape { values, controller_flags: flags, ..Shape::default() }).await?;
    let functions =
        tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    stack.route("one", &spec(&functions.0)).await?;
    stack.route("two", &spec(&functions.1)).await?;
    stack.ready("one").await?;
    stack.ready("two").await?;
    let port = stack.port("one").await?;
    let at_paused = stack.url_at("one", 1).await?;
    reaches(&stack, &at_paused, &functions.0).await?;

    // This proxy hears nothing of the route's end: when it goes on, it has it still.
    stack.pause_proxy(1)?;
    stack.delete("one").await?;
    stack.route("three", &spec(&functions.2)).await?;
    let condition = stack.until("three", "Accepted", "False", "UnsupportedValue").await?;
    assert!(condition.message.contains("--port-range"), "{}", condition.message);
    let nobodys = async || Ok(stack.service("three").await?.is_none());
    stack.still(Duration::from_secs(8), "the port isn't given to anybody", nobodys).await?;

    stack.kill_controller(0).await?;
    stack.free_lease().await?;
    stack.start_controller(0).await?;
    stack.annotate("two", "lambdaroute.dev/reconcile-at", "by the next leader").await?;
    stack
        .eventually("the next leader to work", async || {
            let status = stack.get("two").await?.status.unwrap_or_default();
            Ok((status.last_handled_reconcile_at.as_deref() == Some("by the next leader")).then_some(()))
        })
        .await?;
    let nobodys = async || Ok(stack.service("three").await?.is_none());
    stack.still(Duration::from_secs(12), "nor does the next leader give it", nobodys).await?;

    stack.resume_proxy(1)?;
    stack.ready("three").await?;
    assert_eq!(stack.port("three").await?, port, "there is no other");
    for proxy in 0..stack.proxies() {
        reaches(&stack, &stack.url_at("three", proxy).await?, &functions.2).await?;
        reaches(&stack, &stack.url_at("two", proxy).await?, &functions.1).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_leaders_late_service_leads_no_caller_to_the_route_that_has_its_port_now() -> anyhow::Result<()> {
    let mut stack = Stack::with("late-service", Shape { controllers: 2, proxies: 1, ..Shape::default() }).await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let services = Match::path(Method::POST, &format!("/api/v1/namespaces/{}/services", stack.namespace));
    let held = stack.api.on(services.clone()).hold_before();
    stack.route("one", &spec(&one)).await?;
    let late = held.arrived().await?.json()["spec"]["ports"][0]["targetPort"].as_u64();
    let paused = stack.leader().await?;
    stack.pause_controller(paused)?;
    // Nothing was written in AWS for it: it has no finalizer, and the next leader knows nothing of it.
    stack.delete("one").await?;
    stack.route("two", &spec(&two)).await?;
    stack.ready("two").await?;
    let url = stack.url("two").await?;
    reaches(&stack, &url, &two).await?;
    assert_eq!(Some(u64::from(stack.port("two").await?)), late, "both leaders gave the same port");

    held.release();
    let written = stack.api.wait_for(&services, 2).await?;
    assert!(written.iter().all(|call| call.status == Some(StatusCode::CREATED)), "{written:?}");
    stack
        .still(Duration::from_secs(3), "the Service that came late has no endpoint", async || {
            Ok(stack.endpoints_of("one").await?.is_empty())
        })
        .await?;
    stack.route("one", &spec(&one)).await?;
    stack.ready("one").await?;
    assert_ne!(stack.port("one").await?, stack.port("two").await?);
    reaches(&stack, &stack.url("one").await?, &one).await?;
    assert_eq!(stack.url("two").await?, url);
    reaches(&stack, &url, &two).await?;
    stack.resume_controller(paused)?;
    stack.controller_ended(paused).await?;
    reaches(&stack, &stack.url("one").await?, &one).await?;
    reaches(&stack, &url, &two).await
}
