//! A status that is old, lost or of another cluster's time, while a foreigner creates, replaces or deletes: AWS's own marks and
//! times say what may go, whatever the status claims.

use http::StatusCode;
use lambdaroute_crds::{LambdaRouteStatus, Ownership, Target};
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

/// An installation with one proxy, whose route orders is Ready, and its function.
async fn running(name: &str) -> anyhow::Result<(Stack, Function)> {
    let stack = Stack::with(name, Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.ready("orders").await?;
    Ok((stack, function))
}

async fn status(stack: &Stack) -> anyhow::Result<LambdaRouteStatus> {
    Ok(stack.get("orders").await?.status.unwrap_or_default())
}

async fn target(stack: &Stack) -> anyhow::Result<Target> {
    Ok(status(stack).await?.targets.remove(0))
}

/// The status as a backup would bring it back.
async fn restore(stack: &Stack, backup: &LambdaRouteStatus) -> anyhow::Result<()> {
    stack.patch_status("orders", &json!({"status": null})).await?;
    stack.patch_status("orders", &json!({"status": backup})).await
}

/// Has AWS looked at, and waits for it.
async fn look(stack: &Stack, value: &str) -> anyhow::Result<()> {
    stack.annotate("orders", "lambdaroute.dev/reconcile-at", value).await?;
    let handled = async || Ok((status(stack).await?.last_handled_reconcile_at.as_deref() == Some(value)).then_some(()));
    stack.eventually("the look", handled).await
}

/// What nobody may have written or deleted.
async fn foreign_url_survives(stack: &Stack, function: &Function, url: &str) -> anyhow::Result<()> {
    let deletes = Match::operation(Operation::DeleteFunctionUrlConfig).function(function.name());
    let updates = Match::operation(Operation::UpdateFunctionUrlConfig).function(function.name());
    let before = (stack.aws.count(&deletes), stack.aws.count(&updates));
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?.as_deref(), Some(url), "a foreigner's URL isn't ours to delete");
    assert_eq!((stack.aws.count(&deletes), stack.aws.count(&updates)), before, "nor even tried");
    assert!(stack.statements(function, None).await?.is_empty(), "what is ours is taken back all the same");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_status_claims_nothing_that_a_foreigner_made_since() -> anyhow::Result<()> {
    let (mut stack, function) = running("backup").await?;
    let backup = status(&stack).await?;
    assert_eq!(backup.targets[0].ownership, Some(Ownership::Created));
    // A foreigner replaces the URL, and the controller sees that.
    stack.replace_url(&function).await?;
    let theirs = function.url(None).await?.unwrap_or_default();
    look(&stack, "replaced").await?;
    stack.ready("orders").await?;
    let seen = target(&stack).await?;
    assert_eq!(seen.ownership, Some(Ownership::Unproven));

    // The cluster goes back to its backup, which says that the URL is of our making.
    stack.kill_controller(0).await?;
    restore(&stack, &backup).await?;
    stack.start_controller(0).await?;
    look(&stack, "restored").await?;
    stack
        .eventually("the status to be true again", async || {
            let now = target(&stack).await?;
            Ok((now.ownership == Some(Ownership::Unproven) && now.created_at == seen.created_at).then_some(()))
        })
        .await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK, "it is used all the same");

    // Once more, and deleted before anybody has looked.
    stack.kill_controller(0).await?;
    restore(&stack, &backup).await?;
    stack.begin_delete("orders").await?;
    stack.start_controller(0).await?;
    stack.gone("orders").await?;
    assert_eq!(function.url(None).await?, Some(theirs));
    let deletes = Match::operation(Operation::DeleteFunctionUrlConfig).function(function.name());
    assert_eq!(stack.aws.calls_of(&deletes).iter().filter(|call| by_controller(&stack, &call.seen)).count(), 0);
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

fn by_controller(stack: &Stack, seen: &lambdaroute_tests::gate::Seen) -> bool {
    let administrator = &stack.principals().admin.credentials.access_key_id;
    !seen.header("authorization").unwrap_or_default().contains(administrator.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_status_older_than_our_own_url_takes_nothing_from_us() -> anyhow::Result<()> {
    let (mut stack, function) = running("older").await?;
    let backup = status(&stack).await?;
    // Somebody deletes our URL; it is made anew, with another mark.
    stack.delete_foreign_url(&function).await?;
    look(&stack, "deleted").await?;
    stack.ready("orders").await?;
    let again = target(&stack).await?;
    assert_eq!(again.ownership, Some(Ownership::Created));
    let statements = stack.statements(&function, None).await?;

    stack.kill_controller(0).await?;
    restore(&stack, &backup).await?;
    stack.start_controller(0).await?;
    look(&stack, "restored").await?;
    stack
        .eventually("the status to be true again", async || {
            let now = target(&stack).await?;
            Ok((now.created_at == again.created_at && now.ownership == Some(Ownership::Created)).then_some(()))
        })
        .await?;
    assert_eq!(stack.statements(&function, None).await?, statements, "nothing had to be written");
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, None, "the mark in AWS proves it, whatever the backup said");
    assert!(stack.statements(&function, None).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_status_that_names_an_alias_that_was_left_takes_nothing_from_who_has_it_now() -> anyhow::Result<()> {
    let mut stack = Stack::with("aliases", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    for alias in ["PROD", "NEXT"] {
        function.alias(alias, &function.publish().await?).await?;
    }
    let spec = |alias: &str| format!("{{function: {{name: {}, qualifier: {alias}}}}}", function.name());
    stack.route("orders", &spec("PROD")).await?;
    stack.ready("orders").await?;
    let backup = target(&stack).await?;
    stack.route("orders", &spec("NEXT")).await?;
    stack.ready("orders").await?;
    stack.settled("orders").await?;
    stack
        .eventually("the old alias to be left", async || Ok(function.url(Some("PROD")).await?.is_none().then_some(())))
        .await?;
    let theirs = stack.create_foreign_url_at(&function, Some("PROD"), "AWS_IAM").await?;

    stack.kill_controller(0).await?;
    let present = target(&stack).await?;
    stack.patch_status("orders", &json!({"status": {"targets": [backup, present]}})).await?;
    stack.start_controller(0).await?;
    stack
        .eventually("the alias to be left once more", async || {
            let targets = status(&stack).await?.targets;
            Ok((targets.len() == 1 && targets[0].function_arn == function.qualified_arn("NEXT")).then_some(()))
        })
        .await?;
    assert_eq!(function.url(Some("PROD")).await?, Some(theirs));
    stack.ready("orders").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_status_makes_nobodys_url_ours_also_if_a_foreigner_replaced_it_meanwhile() -> anyhow::Result<()> {
    let (mut stack, function) = running("lost").await?;
    stack.kill_controller(0).await?;
    // Our statements with their mark are still there: of a URL that isn't any more.
    stack.replace_url(&function).await?;
    let theirs = function.url(None).await?.unwrap_or_default();
    stack.patch_status("orders", &json!({"status": null})).await?;
    stack.start_controller(0).await?;
    stack
        .eventually("the URL to be told as nobody's of ours", async || {
            let targets = status(&stack).await?.targets;
            Ok(targets.first().is_some_and(|it| it.ownership == Some(Ownership::Unproven)).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    foreign_url_survives(&stack, &function, &theirs).await
}

/// A cluster with the id of one that is lost, and the function that the lost one had a route on.
async fn rebuilt(name: &str) -> anyhow::Result<(Stack, Function)> {
    let (first, function) = running(name).await?;
    let id = first.cluster_id.clone();
    drop(first);
    let shape = Shape { proxies: 1, values: json!({"clusterID": id}), ..Shape::default() };
    Ok((Stack::with(&format!("{name}-again"), shape).await?, function))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_cluster_tells_a_foreigners_url_from_its_own_of_before() -> anyhow::Result<()> {
    let (second, function) = rebuilt("built").await?;
    // Meanwhile a foreigner deletes its URL and makes one.
    second.replace_url(&function).await?;
    let theirs = function.url(None).await?.unwrap_or_default();
    second.route("orders", &spec(&function)).await?;
    second.ready("orders").await?;
    assert_eq!(target(&second).await?.ownership, Some(Ownership::Unproven), "our mark is of another time");
    foreign_url_survives(&second, &function, &theirs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuilt_cluster_that_is_to_make_its_url_anew_is_not_fooled_by_whoever_makes_one_first() -> anyhow::Result<()>
{
    let (second, function) = rebuilt("bare").await?;
    second.delete_foreign_url(&function).await?;
    // The old cluster's statements are there, the URL isn't: it would be made, and a foreigner is quicker by a moment.
    let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(function.name());
    let held = second.aws.on(creates).hold_before();
    second.route("orders", &spec(&function)).await?;
    held.arrived().await?;
    let theirs = second.create_foreign_url(&function, "AWS_IAM").await?;
    held.release();
    second.ready("orders").await?;
    assert_eq!(target(&second).await?.ownership, Some(Ownership::Unproven));
    foreign_url_survives(&second, &function, &theirs).await
}
