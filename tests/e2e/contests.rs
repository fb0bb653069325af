//! What AWS or somebody else doesn't let be: a policy without room, a foreigner who undoes what we write.

use std::time::Duration;

use http::StatusCode;
use kube::api::{Api, Patch, PatchParams};
use lambdaroute_crds::LambdaRoute;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

async fn ask(stack: &Stack, value: &str) -> anyhow::Result<()> {
    let api: Api<LambdaRoute> = Api::namespaced(stack.client(), &stack.namespace);
    let patch = json!({"metadata": {"annotations": {"lambdaroute.dev/reconcile-at": value}}});
    api.patch("orders", &PatchParams::default(), &Patch::Merge(&patch)).await?;
    Ok(())
}

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_room_is_left_alone_until_there_is_some() -> anyhow::Result<()> {
    let stack = Stack::start("full").await?;
    let function = stack.function(Handler::Echo).await?;
    for number in 0..10 {
        let source = format!("arn:aws:s3:::{number}{}", "b".repeat(1_780));
        let statement = json!({
            "StatementId": format!("theirs-{number}"), "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com", "SourceArn": source,
        });
        stack.add_statement(&function, &statement).await?;
    }
    let adds = Match::operation(Operation::AddPermission).function(function.name());
    let before = stack.aws.count(&adds);
    stack.route("orders", &spec(&function)).await?;
    let condition = stack.until("orders", "PermissionsReady", "False", "PolicyTooLarge").await?;
    assert!(condition.message.contains("over AWS's 20480"), "{}", condition.message);
    let ready = stack.until("orders", "Ready", "False", "PolicyTooLarge").await?;
    assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    stack.event("orders", "PolicyTooLarge").await?;
    assert_eq!(stack.aws.count(&adds), before, "the size is known before anything is written");
    assert_eq!(function.url(None).await?, None);

    stack.remove_statement(&function, None, "theirs-0").await?;
    ask(&stack, "room").await?;
    stack.ready("orders").await?;
    assert_eq!(stack.statements(&function, None).await?.len(), 9 + 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_keeps_undoing_us_is_told_of_and_not_fought_hotly() -> anyhow::Result<()> {
    let stack = Stack::start("undone").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.ready("orders").await?;
    let statements = stack.statements(&function, None).await?;
    let url_statement = statements.iter().find(|statement| statement["Action"] == "lambda:InvokeFunctionUrl");
    let sid = url_statement.and_then(|statement| statement["Sid"].as_str()).unwrap_or_default().to_owned();
    for time in 1..=3 {
        stack.remove_statement(&function, None, &sid).await?;
        ask(&stack, &format!("undone-{time}")).await?;
        stack
            .eventually("the statement to be back", async || {
                Ok((stack.statements(&function, None).await?.len() == 2).then_some(()))
            })
            .await?;
        stack.ready("orders").await?;
    }
    stack.remove_statement(&function, None, &sid).await?;
    ask(&stack, "undone-4").await?;
    let condition = stack.until("orders", "PermissionsReady", "False", "ConflictingManager").await?;
    assert!(condition.message.contains(&sid), "{}", condition.message);
    stack.event("orders", "ConflictingManager").await?;
    ask(&stack, "undone-5").await?;
    stack
        .still(Duration::from_secs(4), "nothing to be written for a while", async || {
            Ok(stack.statements(&function, None).await?.len() == 1)
        })
        .await?;
    stack.delete("orders").await?;
    assert!(stack.statements(&function, None).await?.is_empty(), "a deletion isn't held back");
    assert_eq!(function.url(None).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_keeps_changing_the_url_is_told_of_and_not_fought_hotly() -> anyhow::Result<()> {
    let stack = Stack::start("changed").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.ready("orders").await?;
    let theirs = json!({"InvokeMode": "RESPONSE_STREAM"});
    for time in 1..=3 {
        stack.update_foreign_url(&function, &theirs).await?;
        ask(&stack, &format!("changed-{time}")).await?;
        stack
            .eventually("the URL to be as the manifest says", async || {
                Ok((stack.invoke_mode(&function).await?.as_deref() == Some("BUFFERED")).then_some(()))
            })
            .await?;
        stack.ready("orders").await?;
    }
    stack.update_foreign_url(&function, &theirs).await?;
    ask(&stack, "changed-4").await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "ConflictingManager").await?;
    assert!(condition.message.contains("the function URL's settings"), "{}", condition.message);
    let ready = stack.until("orders", "Ready", "False", "ConflictingManager").await?;
    assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    stack.event("orders", "ConflictingManager").await?;
    ask(&stack, "changed-5").await?;
    stack
        .still(Duration::from_secs(4), "nothing to be written for a while", async || {
            Ok(stack.invoke_mode(&function).await?.as_deref() == Some("RESPONSE_STREAM"))
        })
        .await?;
    // Whoever takes the other's side ends it.
    let streaming = "upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}";
    stack.route("orders", &format!("{{function: {{name: {}}}, {streaming}}}", function.name())).await?;
    stack.ready("orders").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_aws_refuses_or_that_fails_leads_to_a_look_and_never_to_the_same_write_again() -> anyhow::Result<()>
{
    let stack = Stack::start("look-again").await?;
    let refused = |code: StatusCode, kind: &str| Answer::aws_error(code, kind, "Somebody else was quicker.");
    for answer in [
        refused(StatusCode::CONFLICT, "ResourceConflictException"),
        refused(StatusCode::PRECONDITION_FAILED, "PreconditionFailedException"),
        Answer::service_exception(),
        Answer::unavailable(),
    ] {
        for operation in [Operation::AddPermission, Operation::CreateFunctionUrlConfig] {
            let function = stack.function(Handler::Echo).await?;
            let first =
                stack.aws.on(Match::operation(operation).function(function.name())).once().answer(answer.clone());
            stack.route("orders", &spec(&function)).await?;
            stack.ready("orders").await?;
            assert_eq!(first.count(), 1);
            let calls = stack.aws.calls_of(&Match::any().function(function.name()));
            let mut calls = calls.iter().map(|call| call.seen.operation).skip_while(|seen| *seen != operation).skip(1);
            // What stands by itself may go on; the same is not tried before somebody has looked.
            let next = calls.find(|seen| *seen == operation || *seen == Operation::GetFunctionUrlConfig);
            assert_eq!(next, Some(Operation::GetFunctionUrlConfig), "{operation:?} after {answer:?}");
            let statements = stack.statements(&function, None).await?;
            assert_eq!(statements.len(), 2, "{operation:?} after {answer:?}: {statements:?}");
            stack.delete("orders").await?;
            assert_eq!(function.url(None).await?, None, "{operation:?} after {answer:?}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_isnt_there_is_looked_for_ever_more_rarely() -> anyhow::Result<()> {
    let stack = Stack::with("absent", Shape { proxies: 0, ..Shape::default() }).await?;
    let name = stack.function_name();
    stack.route("orders", &format!("{{function: {{name: {name}}}}}")).await?;
    stack.until("orders", "ResolvedRefs", "False", "FunctionNotFound").await?;
    let looks = Match::operation(Operation::GetFunction).function(&name);
    let most = |span: u64| {
        // Half a second at first, twice as long each time, and half of that at least.
        let mut pauses = (0..).scan(0.25, |sum, time| {
            *sum += 0.25 * 2_f64.powi(time);
            Some(*sum)
        });
        pauses.position(|sum| sum > span as f64).unwrap_or_default() + 2
    };
    stack.still(Duration::from_secs(15), "few looks", async || Ok(stack.aws.count(&looks) <= most(15))).await?;
    assert!(stack.aws.count(&looks) >= 4, "it is looked for all the same");
    assert_eq!(stack.aws.count(&Match::aws_writes().function(&name)), 0);
    Ok(())
}
