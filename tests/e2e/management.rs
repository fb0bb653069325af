//! Whose the function URL and the policy are: kept true, adopted or only read.

use http::StatusCode;
use lambdaroute_crds::Ownership;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

const URL_WRITES: [Operation; 3] =
    [Operation::CreateFunctionUrlConfig, Operation::UpdateFunctionUrlConfig, Operation::DeleteFunctionUrlConfig];
const POLICY_WRITES: [Operation; 2] = [Operation::AddPermission, Operation::RemovePermission];

fn spec(function: &str, function_url: &str, more: &str) -> String {
    format!("{{function: {{name: {function}}}, upstream: {{type: FunctionURL, functionURL: {function_url}}}{more}}}")
}

async fn ownership(stack: &Stack) -> anyhow::Result<Option<Ownership>> {
    Ok(stack.get("orders").await?.status.unwrap_or_default().targets.remove(0).ownership)
}

fn writes(stack: &Stack, of: &[Operation], function: &str) -> usize {
    of.iter().map(|operation| stack.aws.count(&Match::operation(*operation).function(function))).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_url_is_kept_true_and_outlives_its_route() -> anyhow::Result<()> {
    let stack = Stack::start("adopted").await?;
    stack.allow(&["Adopt"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let url = stack.create_foreign_url(&function, "AWS_IAM").await?;
    let managed = |mode| spec(function.name(), &format!("{{invokeMode: {mode}}}"), "");
    stack.route("orders", &managed("RESPONSE_STREAM")).await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "AlreadyExists").await?;
    for part in ["invokeMode is BUFFERED, not RESPONSE_STREAM", "management Adopt"] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }

    stack.route("orders", &spec(function.name(), "{management: Adopt, invokeMode: RESPONSE_STREAM}", "")).await?;
    stack.ready("orders").await?;
    assert_eq!(stack.invoke_mode(&function).await?.as_deref(), Some("RESPONSE_STREAM"));
    assert_eq!(ownership(&stack).await?, Some(Ownership::Adopted));
    stack.event("orders", "Adopted").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    assert_eq!(function.url(None).await?.as_ref(), Some(&url));

    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, Some(url), "it was there before, and stays");
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observed_url_is_used_as_found_and_never_written() -> anyhow::Result<()> {
    let stack = Stack::start("observed").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(function.name(), "{management: Observe}", "")).await?;
    let condition = stack.until("orders", "FunctionURLReady", "Unknown", "Pending").await?;
    stack
        .eventually("the URL to be asked for", async || {
            let now = stack.until("orders", "FunctionURLReady", "Unknown", "Pending").await?;
            Ok(now.message.contains("create one").then_some(()))
        })
        .await?;
    assert!(stack.statements(&function, None).await?.is_empty(), "{}", condition.message);

    let url = stack.create_foreign_url(&function, "AWS_IAM").await?;
    stack.update_foreign_url(&function, &json!({"InvokeMode": "RESPONSE_STREAM"})).await?;
    let before = writes(&stack, &URL_WRITES, function.name());
    stack.until("orders", "FunctionURLReady", "True", "Observed").await?;
    stack.ready("orders").await?;
    assert_eq!(ownership(&stack).await?, Some(Ownership::Observed));
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);

    stack.route("orders", &spec(function.name(), "{management: Observe, invokeMode: BUFFERED}", "")).await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "AlreadyExists").await?;
    assert!(condition.message.contains("invokeMode is RESPONSE_STREAM, not BUFFERED"), "{}", condition.message);
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, Some(url));
    assert_eq!(writes(&stack, &URL_WRITES, function.name()), before, "the URL config was only read");
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_ours_stays_when_the_route_says_that_it_only_observes() -> anyhow::Result<()> {
    let stack = Stack::start("handed-over").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(function.name(), "{}", "")).await?;
    stack.ready("orders").await?;
    assert_eq!(ownership(&stack).await?, Some(Ownership::Created));
    stack.route("orders", &spec(function.name(), "{management: Observe}", "")).await?;
    stack.until("orders", "FunctionURLReady", "True", "Observed").await?;
    let url = function.url(None).await?;
    stack.delete("orders").await?;
    assert!(url.is_some());
    assert_eq!(function.url(None).await?, url);
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observed_policy_is_never_written_and_what_it_lacks_is_told() -> anyhow::Result<()> {
    let stack = Stack::start("read-only").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.create_foreign_url(&function, "AWS_IAM").await?;
    let observes = spec(function.name(), "{management: Observe}", ", permissions: {management: Observe}");
    stack.route("orders", &observes).await?;
    let condition = stack.until("orders", "PermissionsReady", "False", "AccessDenied").await?;
    let proxies = &stack.principals().proxies.arn;
    for action in ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"] {
        assert!(condition.message.contains(&format!("{action} for {proxies}")), "{}", condition.message);
    }
    let statement = |sid: &str, action: &str| json!({"StatementId": sid, "Action": action, "Principal": proxies});
    let mut url_statement = statement("theirs-url", "lambda:InvokeFunctionUrl");
    url_statement["FunctionUrlAuthType"] = json!("AWS_IAM");
    let mut fn_statement = statement("theirs-fn", "lambda:InvokeFunction");
    fn_statement["InvokedViaFunctionUrl"] = json!(true);
    stack.add_statement(&function, &url_statement).await?;
    stack.add_statement(&function, &fn_statement).await?;
    let before = writes(&stack, &POLICY_WRITES, function.name());

    stack.until("orders", "PermissionsReady", "True", "Observed").await?;
    stack.ready("orders").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    stack.delete("orders").await?;
    assert_eq!(writes(&stack, &POLICY_WRITES, function.name()), before, "the policy was only read");
    assert_eq!(stack.statements(&function, None).await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_a_foreigner_made_in_place_of_ours_a_moment_ago_is_never_changed() -> anyhow::Result<()> {
    let stack = Stack::with("a-moment-ago", Shape { proxies: 0, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(function.name(), "{}", "")).await?;
    stack.until("orders", "FunctionURLReady", "True", "Synced").await?;
    stack.replace_url(&function).await?;
    let updates = Match::operation(Operation::UpdateFunctionUrlConfig).function(function.name());
    stack.route("orders", &spec(function.name(), "{invokeMode: RESPONSE_STREAM}", "")).await?;
    stack.until("orders", "FunctionURLReady", "False", "AlreadyExists").await?;
    assert_eq!(stack.aws.count(&updates), 0, "however young the last look was");
    assert_eq!(stack.invoke_mode(&function).await?.as_deref(), Some("BUFFERED"));
    Ok(())
}
