//! One look at AWS: what is read again within it, and what counts of what happens meanwhile.

use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::stack::{Shape, Stack};

async fn without_proxies(name: &str) -> anyhow::Result<Stack> {
    Stack::with(name, Shape { proxies: 0, ..Shape::default() }).await
}

fn spec(function: &Function, mode: &str, more: &str) -> String {
    let name = function.name();
    format!(
        "{{function: {{name: {name}}}, upstream: {{type: FunctionURL, functionURL: {{invokeMode: {mode}}}}}{more}}}"
    )
}

fn of(operation: Operation, function: &Function) -> Match {
    Match::operation(operation).function(function.name())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_without_an_answer_is_made_again_and_no_other_is() -> anyhow::Result<()> {
    let stack = without_proxies("read-again").await?;
    let function = stack.function(Handler::Echo).await?;
    let failed = stack.aws.on(of(Operation::GetPolicy, &function)).times(1).answer(Answer::service_exception());
    let lost = stack.aws.on(of(Operation::GetPolicy, &function)).skip(1).times(1).drop_after();
    stack.route("orders", &spec(&function, "BUFFERED", "")).await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    assert_eq!((failed.count(), lost.count()), (1, 1));
    assert_eq!(stack.aws.count(&of(Operation::GetPolicy, &function)), 3);
    assert_eq!(stack.aws.count(&of(Operation::GetFunctionUrlConfig, &function)), 1, "it was answered");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_suspended_during_a_look_has_nothing_written_after_it() -> anyhow::Result<()> {
    let stack = without_proxies("suspended-meanwhile").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function, "BUFFERED", "")).await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    let writes = stack.aws.count(&Match::aws_writes());
    // Before a URL config is changed AWS is looked at again.
    let look = stack.aws.on(of(Operation::GetPolicy, &function)).once().hold_after();
    stack.route("orders", &spec(&function, "RESPONSE_STREAM", "")).await?;
    look.arrived().await?;
    stack.route("orders", &spec(&function, "RESPONSE_STREAM", ", suspend: true")).await?;
    stack.until("orders", "Ready", "False", "Suspended").await?;
    look.release();
    stack.route("orders", &spec(&function, "BUFFERED", "")).await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    stack.settled("orders").await?;
    assert_eq!(stack.aws.count(&Match::aws_writes()), writes);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_comes_during_the_look_of_the_last_ones_end_finds_its_url() -> anyhow::Result<()> {
    let stack = without_proxies("came-meanwhile").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("before", &spec(&function, "BUFFERED", "")).await?;
    stack.until("before", "PermissionsReady", "True", "Synced").await?;
    stack.settled("before").await?;
    let url = function.url(None).await?;
    let look = stack.aws.on(of(Operation::GetPolicy, &function)).once().hold_after();
    stack.begin_delete("before").await?;
    look.arrived().await?;
    stack.route("after", &spec(&function, "BUFFERED", "")).await?;
    stack.until("after", "Accepted", "True", "Accepted").await?;
    stack.eventually("its Service", async || Ok(stack.service("after").await?)).await?;
    look.release();
    stack.gone("before").await?;
    stack.until("after", "PermissionsReady", "True", "Synced").await?;
    assert_eq!(stack.aws.count(&of(Operation::DeleteFunctionUrlConfig, &function)), 0);
    assert_eq!(function.url(None).await?, url, "whoever has the address may have it still");
    Ok(())
}
