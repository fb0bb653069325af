//! Which proxies serve what, and which ones callers may still reach.

use std::time::Duration;

use http::StatusCode;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::get;
use lambdaroute_tests::scripted_proxy::Answer;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;
use tokio::time::Instant;

fn no_proxies() -> Shape {
    Shape { proxies: 0, ..Shape::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unassigned_proxy_gets_no_route() -> anyhow::Result<()> {
    let values = json!({"proxiesPerRoute": 1});
    let stack = Stack::with("assigned", Shape { proxies: 0, values, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let one = stack.scripted_proxy(Answer::Serve).await?;
    let two = stack.scripted_proxy(Answer::Serve).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    let held = [one.proxy.routes().len(), two.proxy.routes().len()];
    assert_eq!(held.iter().sum::<usize>(), 1, "{held:?}");
    let chosen = if held[0] == 1 { &one } else { &two };
    assert_eq!(stack.endpoints("orders").await?, std::slice::from_ref(&chosen.pod));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_lacks_a_required_feature_refuses_the_route_and_status_says_so() -> anyhow::Result<()> {
    let stack = Stack::with("refused", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let old = stack.scripted_proxy(Answer::Refuse("function-url".into())).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let condition = stack.until("orders", "Programmed", "False", "Refused").await?;
    assert!(
        condition.message.contains("function-url") && condition.message.contains("upgrade"),
        "{}",
        condition.message
    );
    assert!(stack.endpoints("orders").await?.is_empty());
    old.proxy.answer(Answer::Serve);
    drop(old);
    let new = stack.scripted_proxy(Answer::Serve).await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    assert_eq!(stack.endpoints("orders").await?, std::slice::from_ref(&new.pod));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_cut_off_from_the_controller_leaves_the_slice_when_a_route_is_tightened() -> anyhow::Result<()> {
    let stack = Stack::with("tightened", Shape { proxies: 0, ..Shape::default() }).await?;
    stack.allow(&["PublicURL"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = |auth: &str| {
        let public = if auth == "NONE" { ", permissions: {grants: [{name: all, principal: '*'}]}" } else { "" };
        format!(
            "{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{authType: {auth}}}}}{public}}}",
            function.name()
        )
    };
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    stack.route("orders", &spec("NONE")).await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    assert_eq!(stack.endpoints("orders").await?, std::slice::from_ref(&proxy.pod));
    let pod = proxy.cut();
    stack
        .still(Duration::from_secs(2), "an unreachable controller changes nothing", async || {
            Ok(stack.endpoints("orders").await? == [pod.clone()])
        })
        .await?;
    stack.route("orders", &spec("AWS_IAM")).await?;
    let begin = Instant::now();
    stack
        .eventually("the proxy to leave the slice", async || {
            Ok(stack.endpoints("orders").await?.is_empty().then_some(()))
        })
        .await?;
    assert!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_takes_a_former_proxys_address_is_in_no_slice_also_of_a_suspended_route() -> anyhow::Result<()> {
    let stack = Stack::with("address", no_proxies()).await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    stack.route("one", &format!("{{function: {{name: {}}}}}", one.name())).await?;
    stack.route("two", &format!("{{function: {{name: {}}}}}", two.name())).await?;
    stack.until("one", "Programmed", "True", "Programmed").await?;
    stack.until("two", "Programmed", "True", "Programmed").await?;
    stack.route("two", &format!("{{function: {{name: {}}}, suspend: true}}", two.name())).await?;
    stack.until("two", "Ready", "False", "Suspended").await?;
    let address = proxy.address.clone();
    stack.delete_pod(&proxy.pod).await?;
    stack.stranger_pod(&address).await?;
    for route in ["one", "two"] {
        stack
            .eventually("the dead proxy's address to be gone", async || {
                Ok(stack.endpoints(route).await?.is_empty().then_some(()))
            })
            .await?;
    }
    stack
        .still(Duration::from_secs(2), "the stranger stays out", async || {
            Ok(stack.endpoints("one").await?.is_empty() && stack.endpoints("two").await?.is_empty())
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_proxy_pod_with_the_right_token_is_let_in() -> anyhow::Result<()> {
    let stack = Stack::with("tokens", no_proxies()).await?;
    for (what, token, expected) in stack.wrong_tokens().await? {
        let refused = stack.connect(&token, Answer::Serve).await.err().map(|status| status.code());
        assert_eq!(refused, Some(expected), "{what}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_for_another_namespace_leaves_these_endpoints_alone() -> anyhow::Result<()> {
    let stack = Stack::start("here").await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = format!("{{function: {{name: {}}}}}", function.name());
    stack.route("orders", &spec).await?;
    stack.ready("orders").await?;
    stack
        .eventually("an endpoint at each proxy", async || {
            Ok((stack.endpoints("orders").await?.len() == stack.proxies()).then_some(()))
        })
        .await?;
    let watcher = stack.watch_endpoints("orders").await?;
    let elsewhere = Stack::start("elsewhere").await?;
    elsewhere.route("orders", &spec).await?;
    elsewhere.ready("orders").await?;
    elsewhere
        .eventually("an endpoint at each proxy elsewhere", async || {
            Ok((elsewhere.endpoints("orders").await?.len() == elsewhere.proxies()).then_some(()))
        })
        .await?;
    assert_eq!(watcher.fewest(), stack.proxies(), "the other's controller took an endpoint away");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_another_principal_are_told_in_status() -> anyhow::Result<()> {
    let stack = Stack::with("principal", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.until("orders", "CredentialsReady", "Unknown", "Unknown").await?;
    proxy.proxy.report_identity("arn:aws:sts::111122223333:assumed-role/somebody-else/session").await;
    let condition = stack.until("orders", "CredentialsReady", "False", "WrongPrincipal").await?;
    assert!(condition.message.contains("somebody-else"), "{}", condition.message);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_route_is_closed_at_every_proxy_and_its_port_rests() -> anyhow::Result<()> {
    let stack = Stack::start("rest").await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    stack.route("one", &format!("{{function: {{name: {}}}}}", one.name())).await?;
    stack.ready("one").await?;
    let url = stack.url("one").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);
    let port = stack.port("one").await?;
    stack.delete("one").await?;
    stack.eventually("the port to be closed", async || Ok(get(&url).await.is_err().then_some(()))).await?;
    stack.route("two", &format!("{{function: {{name: {}}}}}", two.name())).await?;
    stack.ready("two").await?;
    assert_ne!(stack.port("two").await?, port, "a port that was just freed is another tenant's only after its rest");
    Ok(())
}
