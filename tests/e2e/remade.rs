//! A function or an alias that somebody deletes in AWS while its route is Ready, and makes again under the same name: nothing of
//! the former one proves anything of the new one, and the route comes back by itself.

use http::StatusCode;
use lambdaroute_crds::{Ownership, Target};
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};

async fn target(stack: &Stack) -> anyhow::Result<Target> {
    Ok(stack.get("orders").await?.status.unwrap_or_default().targets.remove(0))
}

async fn sids(stack: &Stack, function: &Function, alias: Option<&str>) -> anyhow::Result<Vec<String>> {
    let statements = stack.statements(function, alias).await?;
    Ok(statements.iter().filter_map(|statement| statement["Sid"].as_str().map(str::to_owned)).collect())
}

/// An installation with one proxy, whose route orders is Ready, and its function.
async fn running(name: &str) -> anyhow::Result<(Stack, Function)> {
    let stack = Stack::with(name, Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    Ok((stack, function))
}

/// A caller's request is refused for the URL that is gone; the proxy's report leads to a look.
async fn calls_find_it_gone(stack: &Stack) -> anyhow::Result<()> {
    let answer = get(&stack.url("orders").await?).await?;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{answer:?}");
    Ok(())
}

async fn calls_work(stack: &Stack, function: &Function) -> anyhow::Result<()> {
    let url = stack.url("orders").await?;
    stack
        .eventually("calls to reach the function", async || {
            let answer = get(&url).await?;
            anyhow::ensure!(answer.status == StatusCode::OK, "{answer:?}");
            Ok((answer.json()?["function"] == function.name()).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_deleted_and_made_again_gets_a_url_of_ours_by_itself() -> anyhow::Result<()> {
    let (stack, function) = running("again").await?;
    let before = target(&stack).await?;
    function.delete().await?;
    calls_find_it_gone(&stack).await?;
    stack.until("orders", "ResolvedRefs", "False", "FunctionNotFound").await?;
    stack.until("orders", "Ready", "False", "FunctionNotFound").await?;

    let function = stack.deploy(function.name(), Handler::Echo).await?;
    stack.ready("orders").await?;
    let after = target(&stack).await?;
    assert_eq!(after.ownership, Some(Ownership::Created));
    assert_eq!(after.function_url, function.url(None).await?);
    assert_ne!((&after.function_url, &after.created_at), (&before.function_url, &before.created_at));
    assert_eq!(sids(&stack, &function, None).await?.len(), 2, "one pair, with the mark of the new URL");
    calls_work(&stack, &function).await?;

    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, None, "its mark is the new one's");
    assert!(sids(&stack, &function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_the_url_of_a_function_made_again_keeps_it_though_status_says_that_we_made_one()
-> anyhow::Result<()> {
    let (stack, function) = running("theirs").await?;
    assert_eq!(target(&stack).await?.ownership, Some(Ownership::Created));
    let changes = [Operation::UpdateFunctionUrlConfig, Operation::DeleteFunctionUrlConfig]
        .map(|operation| Match::operation(operation).function(function.name()));
    function.delete().await?;
    let function = stack.deploy(function.name(), Handler::Echo).await?;
    let theirs = stack.create_foreign_url(&function, "AWS_IAM").await?;
    let before = changes.each_ref().map(|change| stack.aws.count(change));

    calls_find_it_gone(&stack).await?;
    stack
        .eventually("the URL to be used as nobody's of ours", async || {
            let target = target(&stack).await?;
            Ok((target.ownership == Some(Ownership::Unproven) && target.function_url == Some(theirs.clone()))
                .then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    calls_work(&stack, &function).await?;
    // What they change of it now is theirs to change.
    stack.route("orders", &format!("{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{invokeMode: RESPONSE_STREAM}}}}}}", function.name())).await?;
    stack.until("orders", "FunctionURLReady", "False", "AlreadyExists").await?;
    assert_eq!(stack.invoke_mode(&function).await?.as_deref(), Some("BUFFERED"));

    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, Some(theirs));
    assert!(sids(&stack, &function, None).await?.is_empty(), "what is ours is taken back all the same");
    assert_eq!(changes.each_ref().map(|change| stack.aws.count(change)), before, "nor was it tried");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_is_deleted_and_made_again_gets_a_url_of_ours_by_itself() -> anyhow::Result<()> {
    let stack = Stack::with("alias-again", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let version = function.publish().await?;
    function.alias("PROD", &version).await?;
    stack.route("orders", &format!("{{function: {{name: {}, qualifier: PROD}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let before = target(&stack).await?;

    function.delete_alias("PROD").await?;
    calls_find_it_gone(&stack).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "QualifierNotFound").await?;
    assert!(condition.message.contains("PROD"), "{}", condition.message);
    assert_eq!(function.url(None).await?, None, "nothing is made at the function itself in its stead");

    function.alias("PROD", &version).await?;
    stack.ready("orders").await?;
    let after = target(&stack).await?;
    assert_eq!(after.ownership, Some(Ownership::Created));
    assert_eq!(after.function_url, function.url(Some("PROD")).await?);
    assert_ne!((&after.function_url, &after.created_at), (&before.function_url, &before.created_at));
    assert_eq!(sids(&stack, &function, Some("PROD")).await?.len(), 2);
    calls_work(&stack, &function).await?;

    stack.delete("orders").await?;
    assert_eq!(function.url(Some("PROD")).await?, None);
    assert!(sids(&stack, &function, Some("PROD")).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_function_is_gone_is_deleted_at_once_with_nothing_left_to_do() -> anyhow::Result<()> {
    let (stack, function) = running("gone").await?;
    function.delete().await?;
    stack.delete("orders").await?;
    assert!(stack.service("orders").await?.is_none());
    assert_eq!(stack.aws.count(&Match::operation(Operation::RemovePermission).function(function.name())), 0);
    Ok(())
}
