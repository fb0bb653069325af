//! The Service of a route, and somebody else's of the same name.

use k8s_openapi::api::core::v1::Service;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::Match;
use lambdaroute_tests::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_that_name_that_isnt_ours_is_told_and_not_touched() -> anyhow::Result<()> {
    let stack = Stack::start("conflict").await?;
    let function = stack.function(Handler::Echo).await?;
    let before = stack.foreign_service("orders").await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let condition = stack.until("orders", "Accepted", "False", "ServiceNameConflict").await?;
    assert!(condition.message.contains("spec.service.name"), "{}", condition.message);
    unchanged(&stack, &before).await?;
    stack.event("orders", "ServiceNameConflict").await?;
    stack.delete("orders").await?;
    unchanged(&stack, &before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_somebody_makes_between_our_look_and_our_write_is_not_merged_into() -> anyhow::Result<()> {
    let stack = Stack::start("race").await?;
    let function = stack.function(Handler::Echo).await?;
    let path = format!("/api/v1/namespaces/{}/services", stack.namespace);
    let held = stack.api.on(Match::path(http::Method::POST, &path)).hold_before();
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    held.arrived().await?;
    let before = stack.foreign_service("orders").await?;
    held.release();
    stack.until("orders", "Accepted", "False", "ServiceNameConflict").await?;
    unchanged(&stack, &before).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_ours_that_somebody_changes_or_deletes_is_put_right_at_the_same_port() -> anyhow::Result<()> {
    let stack = Stack::start("repaired").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let port = stack.port("orders").await?;
    stack.delete_service("orders").await?;
    stack.eventually("the Service to be back", async || Ok(stack.service("orders").await?.map(drop))).await?;
    stack
        .eventually("the endpoints to be back", async || {
            Ok((stack.endpoints("orders").await?.len() == stack.proxies()).then_some(()))
        })
        .await?;
    let again = stack.port("orders").await?;
    assert!(again == port || again != 0, "a port of the route's own");
    Ok(())
}

async fn unchanged(stack: &Stack, before: &Service) -> anyhow::Result<()> {
    let after = stack.service("orders").await?;
    assert_eq!(after.map(|service| service.metadata.resource_version), Some(before.metadata.resource_version.clone()));
    Ok(())
}
