//! Two clusters on one function, a cluster that is built anew, and a mark that somebody took away.

use http::StatusCode;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use lambdaroute_crds::Ownership;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::{Value, json};

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

async fn sids(stack: &Stack, function: &Function) -> anyhow::Result<Vec<String>> {
    let statements = stack.statements(function, None).await?;
    Ok(statements.iter().filter_map(|statement| statement["Sid"].as_str().map(str::to_owned)).collect())
}

async fn ownership(stack: &Stack) -> anyhow::Result<Option<Ownership>> {
    Ok(stack.get("orders").await?.status.unwrap_or_default().targets.remove(0).ownership)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_share_a_function_without_touching_each_others_statements() -> anyhow::Result<()> {
    let (first, second) = tokio::try_join!(Stack::start("one-cluster"), Stack::start("other-cluster"))?;
    let function = first.function(Handler::Echo).await?;
    first.route("orders", &spec(&function)).await?;
    first.ready("orders").await?;
    let url = function.url(None).await?;
    second.route("orders", &spec(&function)).await?;
    second.ready("orders").await?;
    assert_eq!(ownership(&first).await?, Some(Ownership::Created));
    assert_eq!(ownership(&second).await?, Some(Ownership::Unproven), "another cluster's mark proves nothing to us");
    let theirs: Vec<String> =
        sids(&first, &function).await?.into_iter().filter(|sid| sid.contains(&second.cluster_id)).collect();
    assert_eq!(theirs.len(), 2);

    // Somebody else's finalizer keeps the object: what is read in it then is our last word.
    let finalizers = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    let ours = lambdaroute_crds::FINALIZER;
    first.routes().patch("orders", &PatchParams::default(), &finalizers(json!([ours, "example.com/keep"]))).await?;
    first.begin_delete("orders").await?;
    let condition = first.until("orders", "FunctionURLReady", "False", "InUseElsewhere").await?;
    assert!(condition.message.contains(&second.cluster_id), "{}", condition.message);
    first
        .eventually("our finalizer to go", async || {
            Ok((first.get("orders").await?.finalizers() == ["example.com/keep"]).then_some(()))
        })
        .await?;
    first.until("orders", "FunctionURLReady", "False", "InUseElsewhere").await?;
    first.routes().patch("orders", &PatchParams::default(), &finalizers(json!([]))).await?;
    first.gone("orders").await?;
    let event = first.event("orders", "InUseElsewhere").await?;
    assert!(event.note.unwrap_or_default().contains(&second.cluster_id));
    assert_eq!(function.url(None).await?, url, "the other cluster uses it still");
    assert_eq!(sids(&first, &function).await?, theirs);
    assert_eq!(get(&second.url("orders").await?).await?.status, StatusCode::OK);

    second.delete("orders").await?;
    assert!(sids(&first, &function).await?.is_empty());
    assert_eq!(function.url(None).await?, url, "and never was the other one's to delete");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_built_anew_with_the_same_id_goes_on_with_what_is_there() -> anyhow::Result<()> {
    let first = Stack::start("before").await?;
    let function = first.function(Handler::Echo).await?;
    first.route("orders", &spec(&function)).await?;
    first.ready("orders").await?;
    let (url, before) = (function.url(None).await?, sids(&first, &function).await?);
    let id = first.cluster_id.clone();
    // The cluster is lost, with every object in it.
    drop(first);

    let second = Stack::with("after", Shape { values: json!({"clusterID": id}), ..Shape::default() }).await?;
    second.route("orders", &spec(&function)).await?;
    second.ready("orders").await?;
    assert_eq!(sids(&second, &function).await?, before);
    assert_eq!(second.aws.count(&Match::aws_writes().function(function.name())), 0, "nothing had to be written");
    assert_eq!(ownership(&second).await?, Some(Ownership::Created), "the mark in AWS proves it");
    assert_eq!(function.url(None).await?, url);
    second.delete("orders").await?;
    assert_eq!(function.url(None).await?, None);
    assert!(sids(&second, &function).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_somebody_took_away_is_back_by_the_status_and_only_for_that_very_url() -> anyhow::Result<()> {
    let stack = Stack::start("marks").await?;
    let (ours, replaced) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    stack.route("orders", &spec(&ours)).await?;
    stack.route("others", &spec(&replaced)).await?;
    stack.ready("orders").await?;
    stack.ready("others").await?;
    let marked = |sids: Vec<String>| sids.into_iter().find(|sid| sid.contains("-fn-c"));
    let mark = marked(sids(&stack, &ours).await?).unwrap_or_default();
    stack.remove_statement(&ours, None, &mark).await?;
    get(&stack.url("orders").await?).await?;
    stack
        .eventually("the very mark to be back", async || {
            Ok((marked(sids(&stack, &ours).await?).as_ref() == Some(&mark)).then_some(()))
        })
        .await?;
    stack.delete("orders").await?;
    assert_eq!(ours.url(None).await?, None, "it was ours all the time");

    // A foreigner makes a URL of its own in the place of ours, a moment after our last look.
    let deletes = Match::operation(Operation::DeleteFunctionUrlConfig).function(replaced.name());
    stack.replace_url(&replaced).await?;
    let theirs = replaced.url(None).await?;
    let before = stack.aws.count(&deletes);
    stack.delete("others").await?;
    assert_eq!(replaced.url(None).await?, theirs, "another CreationTime is another URL");
    assert_eq!(stack.aws.count(&deletes), before);
    assert!(sids(&stack, &replaced).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_with_one_id_are_told_of_each_other_and_dont_fight_hotly() -> anyhow::Result<()> {
    let drift = || vec!["--drift-interval=2s".to_owned()];
    let first = Stack::with("same-id", Shape { controller_flags: drift(), proxies: 1, ..Shape::default() }).await?;
    let values = json!({"clusterID": first.cluster_id, "proxyPrincipal": first.principals().stranger.arn});
    let shape = Shape { controller_flags: drift(), proxies: 0, values, ..Shape::default() };
    let second = Stack::with("same-id-too", shape).await?;
    let function = first.function(Handler::Echo).await?;
    first.add_foreign_statement(&function, "theirs").await?;
    first.route("orders", &spec(&function)).await?;
    first.ready("orders").await?;
    let url = function.url(None).await?;
    // For each the other one's statements are its own, for a former principal.
    second.route("orders", &spec(&function)).await?;
    let told = async |stack: &Stack| -> anyhow::Result<bool> {
        let conditions = stack.get("orders").await?.status.unwrap_or_default().conditions;
        Ok(conditions.iter().any(|it| it.reason == "ConflictingManager" && it.type_ == "PermissionsReady"))
    };
    first
        .eventually("one of the two to tell it", async || {
            Ok((told(&first).await? || told(&second).await?).then_some(()))
        })
        .await?;
    let writes = |stack: &Stack| stack.aws.count(&Match::aws_writes().function(function.name()));
    first
        .eventually("both to tell it, or one to be left in peace", async || {
            let before = writes(&first) + writes(&second);
            let quiet = first
                .still(std::time::Duration::from_secs(12), "few writes", async || {
                    Ok(writes(&first) + writes(&second) - before <= 8)
                })
                .await;
            Ok(quiet.is_ok().then_some(()))
        })
        .await?;
    assert_eq!(function.url(None).await?, url, "the URL is none of the dispute");
    assert!(sids(&first, &function).await?.contains(&"theirs".to_owned()));
    Ok(())
}
