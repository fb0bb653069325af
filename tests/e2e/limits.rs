//! A limit is the route's total over all its proxies, whoever comes and goes.

use anyhow::Context;
use http::StatusCode;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};

/// The share of the only rate limit that a proxy enforces, in thousandths of a request.
async fn share(stack: &Stack, proxy: usize) -> anyhow::Result<Option<u64>> {
    let config = stack.proxy_admin(proxy, "/config").await?.json()?;
    Ok(config["limitShares"][0]["rate"]["millirequests"].as_u64())
}

/// How many of so many requests to one proxy pass. The others are 429.
async fn passed(url: &str, count: usize) -> anyhow::Result<usize> {
    let mut passed = 0;
    for _ in 0..count {
        let answer = get(url).await?;
        match answer.status {
            StatusCode::OK => passed += 1,
            StatusCode::TOO_MANY_REQUESTS => assert_eq!(answer.cause().as_deref(), Some("rate_limited")),
            other => anyhow::bail!("{other}: {}", String::from_utf8_lossy(&answer.body)),
        }
        let policy = answer.headers.get("ratelimit-policy").context("a limited route tells its policy")?;
        assert_eq!(policy, "\"everyone\";q=10;w=3600", "nobody is told a share");
    }
    Ok(passed)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_divided_over_the_proxies_and_consumption_outlives_a_change() -> anyhow::Result<()> {
    let mut stack = Stack::with("limits", Shape { proxies: 2, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let limit = "{name: everyone, requests: 10, interval: 1h}";
    let spec = format!("{{function: {{name: {}}}, rateLimits: [{limit}]}}", function.name());
    stack.route("orders", &spec).await?;
    stack.ready("orders").await?;
    stack
        .eventually("a half for each proxy", async || {
            let halves = [share(&stack, 0).await?, share(&stack, 1).await?];
            Ok((halves == [Some(5_000); 2]).then_some(()))
        })
        .await?;
    let urls = [stack.url_at("orders", 0).await?, stack.url_at("orders", 1).await?];
    assert_eq!([passed(&urls[0], 8).await?, passed(&urls[1], 8).await?], [5, 5]);
    stack.terminate_proxy(1).await?;
    stack
        .eventually("the whole for the one that is left", async || {
            Ok((share(&stack, 0).await? == Some(10_000)).then_some(()))
        })
        .await?;
    assert_eq!(passed(&urls[0], 8).await?, 5, "what it let through before stays consumed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_with_one_request_in_flight_answers_everybody_whichever_proxy_has_it() -> anyhow::Result<()> {
    let mut stack = Stack::with("limits", Shape { proxies: 2, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = format!("{{function: {{name: {}}}, concurrency: {{max: 1}}}}", function.name());
    stack.route("orders", &spec).await?;
    stack.ready("orders").await?;
    stack.settled("orders").await?;
    let endpoints = stack.endpoints("orders").await?;
    assert_eq!(endpoints.len(), 1, "the other one would refuse everybody: {endpoints:?}");
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    let holder = (0..2).find(|&proxy| endpoints.contains(&stack.pod(proxy))).context("one of the two has it")?;
    let other = 1 - holder;
    stack.terminate_proxy(holder).await?;
    stack
        .eventually("another one takes over", async || {
            Ok((stack.endpoints("orders").await? == [stack.pod(other)]).then_some(()))
        })
        .await?;
    for _ in 0..3 {
        assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    }
    Ok(())
}
