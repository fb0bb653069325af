//! The controller as a process: dry run, readiness, its certificate, its end.

use http::StatusCode;
use lambdaroute_crds::LambdaRouteStatus;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::Match;
use lambdaroute_tests::scripted_proxy::Answer;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_the_steps_for_all_routes_and_does_nothing() -> anyhow::Result<()> {
    let stack = Stack::with("dry-run", Shape { controllers: 0, proxies: 0, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let printed = stack.dry_run().await?;
    for part in
        ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction", &function.arn(), &format!("{}/orders", stack.namespace)]
    {
        assert!(printed.contains(part), "{part} isn't in {printed}");
    }
    assert_eq!(stack.aws.count(&Match::aws_writes()), 0);
    let route = stack.get("orders").await?;
    let untouched = LambdaRouteStatus { observed_generation: Some(-1), ..LambdaRouteStatus::default() };
    assert_eq!(route.status, Some(untouched), "as the API server begins it");
    assert_eq!(route.metadata.finalizers, None);
    assert!(stack.service("orders").await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_meets_another_crd_than_its_own_is_not_ready_and_says_why() -> anyhow::Result<()> {
    let mut stack = Stack::with("other-crd", Shape { controllers: 0, proxies: 0, ..Shape::default() }).await?;
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/lambdaroutes.lambdaroute.dev";
    let _other = stack.api.on(Match::path(http::Method::GET, path)).rewrite(|answer| {
        let text = String::from_utf8_lossy(answer.body()).replace("\"deletionPolicy\"", "\"deletionPolicies\"");
        let (mut parts, _) = answer.into_parts();
        parts.headers.remove("content-length");
        http::Response::from_parts(parts, text.into())
    });
    let index = stack.add_controller().await?;
    stack
        .eventually("the controller to say that it isn't ready", async || {
            let answer = stack.controller_admin(index, "/readyz").await?;
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            Ok((answer.status == StatusCode::SERVICE_UNAVAILABLE && said.contains("deletionPolic")).then_some(()))
        })
        .await?;
    assert_eq!(stack.controller_admin(index, "/livez").await?.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_stops_cleanly_and_gives_the_lease_back() -> anyhow::Result<()> {
    let mut stack = Stack::with("sigterm", Shape { controllers: 2, proxies: 0, ..Shape::default() }).await?;
    let leader = stack.leader().await?;
    stack
        .eventually("the leader to be ready", async || {
            Ok((stack.controller_admin(leader, "/readyz").await?.status == StatusCode::OK).then_some(()))
        })
        .await?;
    stack.stop_controller(leader).await?;
    stack.eventually("the other one to lead", async || Ok((stack.leader().await? != leader).then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_renewed_before_it_ends_and_no_stream_breaks() -> anyhow::Result<()> {
    let flags = ["--certificate-lifetime=6s", "--certificate-check-interval=500ms"].map(str::to_owned).to_vec();
    let stack = Stack::with("rotation", Shape { proxies: 0, controller_flags: flags, ..Shape::default() }).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    let first = stack.certificate().await?;
    stack.eventually("another certificate", async || Ok((stack.certificate().await? != first).then_some(()))).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    assert_eq!(proxy.proxy.ended(), None, "the stream goes on");
    let another = stack.scripted_proxy(Answer::Serve).await?;
    assert_eq!(another.proxy.ended(), None, "and a new one is let in");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_controller_keeps_belongs_to_its_deployment() -> anyhow::Result<()> {
    let stack = Stack::start("owned").await?;
    let owners = stack.owners().await?;
    assert_eq!(owners.len(), 4, "the Lease, the Secret and two ConfigMaps: {owners:?}");
    for (object, owner) in owners {
        assert_eq!(owner, json!(["Deployment"]), "{object} is taken away with an uninstall");
    }
    Ok(())
}
