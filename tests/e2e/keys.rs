//! Keys and shares on their way from a manifest to proxies, and what happens where they don't arrive.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::http::send;
use lambdaroute_tests::scripted_proxy::Answer;
use lambdaroute_tests::stack::{Shape, Stack};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// Keys as a platform team would draw them.
const WEB: &str = "key-of-web-0123456789abcdef";
const APP: &str = "key-of-app-0123456789abcdef";

fn no_proxies() -> Shape {
    Shape { proxies: 0, ..Shape::default() }
}

/// A route for these consumers, each with its key.
fn spec(function: &Function, consumers: &[(&str, &str)]) -> String {
    let consumer = |(name, key): &(&str, &str)| {
        format!("{{name: {name}, digests: ['sha256:{}']}}", hex::encode(Sha256::digest(key)))
    };
    let consumers = consumers.iter().map(consumer).collect::<Vec<_>>().join(", ");
    format!(
        "{{function: {{name: {}}}, auth: {{methods: [{{name: keys, type: APIKey, apiKey: {{consumers: [{consumers}]}}}}]}}}}",
        function.name()
    )
}

async fn call(url: &str, key: &str) -> anyhow::Result<StatusCode> {
    Ok(send(Request::get(url).header("x-api-key", key).body(Bytes::new())?).await?.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_soon_and_a_change_of_leader_refuses_no_other() -> anyhow::Result<()> {
    let mut stack = Stack::start("revoked").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, &[("web", WEB), ("app", APP)])).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    assert_eq!((call(&url, WEB).await?, call(&url, APP).await?), (StatusCode::OK, StatusCode::OK));
    assert_eq!(call(&url, "nobody").await?, StatusCode::UNAUTHORIZED);
    stack.route("orders", &spec(&function, &[("web", WEB)])).await?;
    let begin = Instant::now();
    stack
        .eventually("the revoked key to be refused", async || {
            Ok((call(&url, APP).await? == StatusCode::UNAUTHORIZED).then_some(()))
        })
        .await?;
    eprintln!("a revoked key is refused after {:?}", begin.elapsed());
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    stack.kill_controller(0).await?;
    assert_eq!(call(&url, WEB).await?, StatusCode::OK);
    stack.start_controller(0).await?;
    stack
        .still(Duration::from_secs(5), "a change of leader takes no key away", async || {
            Ok(call(&url, WEB).await? == StatusCode::OK && call(&url, APP).await? == StatusCode::UNAUTHORIZED)
        })
        .await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_doesnt_acknowledge_a_revoked_key_leaves_the_slice() -> anyhow::Result<()> {
    let stack = Stack::with("unheard", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    stack.route("orders", &spec(&function, &[("web", WEB), ("app", APP)])).await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    assert_eq!(proxy.proxy.consumers(), ["app", "web"]);
    assert_eq!(stack.endpoints("orders").await?, std::slice::from_ref(&proxy.pod));
    proxy.proxy.answer(Answer::Silence);
    stack.route("orders", &spec(&function, &[("web", WEB)])).await?;
    stack
        .eventually("the last proxy to leave the slice", async || {
            Ok(stack.endpoints("orders").await?.is_empty().then_some(()))
        })
        .await?;
    assert_eq!(proxy.proxy.consumers(), ["web"], "it was told");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_knows_no_keys_refuses_a_guarded_route_and_status_says_so() -> anyhow::Result<()> {
    let stack = Stack::with("keyless", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let _old = stack.scripted_proxy(Answer::Refuse("auth-api-key".into())).await?;
    stack.route("orders", &spec(&function, &[("web", WEB)])).await?;
    let condition = stack.until("orders", "Programmed", "False", "Refused").await?;
    assert!(condition.message.contains("auth-api-key"), "{}", condition.message);
    assert!(stack.endpoints("orders").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_add_up_to_the_total_while_proxies_come_and_go() -> anyhow::Result<()> {
    let stack = Stack::with("shares", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}, concurrency: {{max: 3}}}}", function.name())).await?;
    let mut proxies = Vec::new();
    for count in 1..=4 {
        proxies.push(stack.scripted_proxy(Answer::Serve).await?);
        stack
            .eventually(&format!("three in flight over {count} proxies"), async || {
                // A fourth one would have nothing to let through.
                let with = proxies.iter().filter(|proxy| proxy.proxy.routes().len() == 1);
                let shares: Vec<_> = with.map(|proxy| proxy.proxy.in_flight()).collect();
                let even = shares.iter().max() <= shares.iter().min().map(|least| least + 1).as_ref();
                Ok((shares.len() == count.min(3) && even && shares.iter().sum::<u32>() == 3).then_some(()))
            })
            .await?;
    }
    for count in (1..=3).rev() {
        if let Some(gone) = proxies.pop() {
            stack.delete_pod(&gone.pod).await?;
        }
        stack
            .eventually(&format!("three in flight over {count} proxies that are left"), async || {
                Ok((proxies.iter().map(|proxy| proxy.proxy.in_flight()).sum::<u32>() == 3).then_some(()))
            })
            .await?;
    }
    Ok(())
}
