//! The permission statements: repaired when they vanish, public only when told so, and never anybody else's.

use bytes::Bytes;
use http::{Request, StatusCode};
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_statement_is_seen_by_the_proxy_told_to_the_caller_and_repaired_within_seconds() -> anyhow::Result<()>
{
    let stack = Stack::start("repair").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    assert_eq!(get(&url).await?.status, StatusCode::OK);
    let before = stack.statements(&function, None).await?;
    let sid = before
        .iter()
        .find(|statement| statement["Action"] == "lambda:InvokeFunctionUrl")
        .and_then(|statement| statement["Sid"].as_str())
        .unwrap()
        .to_owned();
    stack.remove_statement(&function, None, &sid).await?;
    let ran = function.invocations().await?;

    let answer = get(&url).await?;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.cause().as_deref(), Some("lambda_access_denied"));
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains("lambda-url") && !body.contains("arn:aws"), "the caller learns nothing of AWS: {body}");
    assert_eq!(function.invocations().await?, ran, "the function did not run");

    stack
        .eventually("the statement to be back", async || {
            Ok((stack.statements(&function, None).await?.len() == 2).then_some(()))
        })
        .await?;
    stack
        .eventually("calls to be right again", async || Ok((get(&url).await?.status == StatusCode::OK).then_some(())))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_goes_public_and_back_with_the_same_url() -> anyhow::Result<()> {
    let stack = Stack::start("public").await?;
    stack.allow(&["PublicURL"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = |auth: &str| {
        let public = if auth == "NONE" { ", permissions: {grants: [{name: all, principal: '*'}]}" } else { "" };
        format!(
            "{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{authType: {auth}}}}}{public}}}",
            function.name()
        )
    };
    stack.route("orders", &spec("AWS_IAM")).await?;
    stack.ready("orders").await?;
    let url = function.url(None).await?.unwrap();
    assert_eq!(stack.call_unsigned(&url).await?, StatusCode::FORBIDDEN, "private before");

    stack.route("orders", &spec("NONE")).await?;
    stack
        .eventually("the URL to be public", async || {
            Ok((stack.call_unsigned(&url).await? == StatusCode::OK).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    let request = Request::get(stack.url("orders").await?).header("authorization", "Bearer mine").body(Bytes::new())?;
    let seen = lambdaroute_tests::http::send(request).await?.json()?;
    assert_eq!(seen["headers"]["authorization"], "Bearer mine", "nothing is signed, so the caller's own passes");
    assert_eq!(function.url(None).await?.as_ref(), Some(&url));

    stack.route("orders", &spec("AWS_IAM")).await?;
    stack
        .eventually("the URL to be private again", async || {
            Ok((stack.call_unsigned(&url).await? == StatusCode::FORBIDDEN).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    assert_eq!(function.url(None).await?.as_ref(), Some(&url));
    let statements = stack.statements(&function, None).await?;
    assert!(statements.iter().all(|statement| statement["Principal"] != "*"), "{statements:?}");
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_is_refused_unless_a_policy_allows_it() -> anyhow::Result<()> {
    let stack = Stack::start("not-public").await?;
    let function = stack.function(Handler::Echo).await?;
    stack
        .route(
            "orders",
            &format!(
                "{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{authType: NONE}}}}, \
                  permissions: {{grants: [{{name: all, principal: '*'}}]}}}}",
                function.name()
            ),
        )
        .await?;
    let condition = stack.until("orders", "Accepted", "False", "NotPermitted").await?;
    assert!(condition.message.contains("spec.upstream.functionURL.authType"), "{}", condition.message);
    assert_eq!(function.url(None).await?, None);
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_statement_and_a_foreign_url_config_survive_everything() -> anyhow::Result<()> {
    let stack = Stack::start("foreign").await?;
    let function = stack.function(Handler::Echo).await?;
    let url = stack.create_foreign_url(&function, "AWS_IAM").await?;
    stack.add_foreign_statement(&function, "theirs").await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let route = stack.ready("orders").await?;
    let target = route.status.unwrap_or_default().targets.remove(0);
    assert_eq!(target.function_url.as_deref(), Some(url.as_str()));
    assert_ne!(target.ownership, Some(lambdaroute_crds::Ownership::Created));
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, Some(url));
    let sids: Vec<_> =
        stack.statements(&function, None).await?.iter().map(|statement| statement["Sid"].clone()).collect();
    assert_eq!(sids, ["theirs"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_url_config_that_differs_is_left_alone_and_told() -> anyhow::Result<()> {
    let stack = Stack::start("differs").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.create_foreign_url(&function, "NONE").await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "AlreadyExists").await?;
    assert!(condition.message.contains("NONE") && condition.message.contains("AWS_IAM"), "{}", condition.message);
    assert_eq!(stack.auth_type(&function).await?.as_deref(), Some("NONE"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_config_that_a_stranger_makes_between_our_two_writes_is_never_taken_for_ours() -> anyhow::Result<()> {
    let stack = Stack::start("between").await?;
    let function = stack.function(Handler::Echo).await?;
    let held =
        stack.aws.on(Match::operation(Operation::CreateFunctionUrlConfig).function(function.name())).hold_before();
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    held.arrived().await?;
    let url = stack.create_foreign_url(&function, "AWS_IAM").await?;
    held.release();
    let route = stack.ready("orders").await?;
    let target = route.status.unwrap_or_default().targets.remove(0);
    assert_eq!(target.function_url.as_deref(), Some(url.as_str()));
    assert_ne!(target.ownership, Some(lambdaroute_crds::Ownership::Created));
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, Some(url), "what a stranger made is not ours to delete");
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_wrong_status_deletes_nothing_foreign() -> anyhow::Result<()> {
    let stack = Stack::start("status").await?;
    let (ours, theirs) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let foreign = stack.create_foreign_url(&theirs, "AWS_IAM").await?;
    stack.add_foreign_statement(&theirs, "theirs").await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", ours.name())).await?;
    stack.ready("orders").await?;
    // A status that claims somebody else's URL config, as a restored backup or a bad hand could leave it.
    let forged = serde_json::json!({"status": {"targets": [
        {"functionARN": ours.arn(), "state": "Active"},
        {"functionARN": theirs.arn(), "functionURL": foreign, "state": "Releasing", "ownership": "Created", "createdAt": "2020-01-01T00:00:00Z"},
    ]}});
    stack.patch_status("orders", &forged).await?;
    stack
        .eventually("the status to be true again", async || {
            let targets = stack.get("orders").await?.status.unwrap_or_default().targets;
            Ok((targets.len() == 1 && targets[0].function_url.is_some()).then_some(()))
        })
        .await?;
    assert_eq!(theirs.url(None).await?.as_ref(), Some(&foreign));
    assert_eq!(stack.statements(&theirs, None).await?.len(), 1);

    stack.patch_status("orders", &serde_json::json!({"status": null})).await?;
    stack.ready("orders").await?;
    stack.delete("orders").await?;
    assert_eq!(ours.url(None).await?, None, "AWS's own marks say what is ours, whatever became of the status");
    assert!(stack.statements(&ours, None).await?.is_empty());
    assert_eq!(theirs.url(None).await?, Some(foreign));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_denies_is_told_with_the_action_and_the_remedy_and_there_is_no_hot_loop() -> anyhow::Result<()> {
    let stack = Stack::start("denied").await?;
    let function = stack.function(Handler::Echo).await?;
    let denied = stack.aws.on(Match::operation(Operation::CreateFunctionUrlConfig).function(function.name())).answer(
        Answer::access_denied(&stack.principals().controller.arn, "lambda:CreateFunctionUrlConfig", &function.arn()),
    );
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "AccessDenied").await?;
    assert!(condition.message.contains("lambda:CreateFunctionUrlConfig"), "{}", condition.message);
    assert!(condition.message.contains(&function.arn()), "{}", condition.message);
    let ready = stack.until("orders", "Ready", "False", "AccessDenied").await?;
    assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    stack.event("orders", "AccessDenied").await?;
    assert!(denied.count() <= 6, "{} tries in a moment", denied.count());
    drop(denied);
    stack.ready("orders").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_told_and_overcome() -> anyhow::Result<()> {
    let stack = Stack::start("throttled").await?;
    let function = stack.function(Handler::Echo).await?;
    let throttled = stack
        .aws
        .on(Match::operation(Operation::GetFunctionUrlConfig).function(function.name()))
        .times(3)
        .answer(Answer::throttled());
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.until("orders", "FunctionURLReady", "False", "Throttled").await?;
    stack.ready("orders").await?;
    assert_eq!(throttled.count(), 3);
    Ok(())
}
