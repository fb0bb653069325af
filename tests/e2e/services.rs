//! The Service of a route, and somebody else's of the same name.

use std::time::Duration;

use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer, Match};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack, floor};
use serde_json::json;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_the_api_server_refuses_is_told_with_its_words() -> anyhow::Result<()> {
    let stack = Stack::with("service-refused", Shape { proxies: 0, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let path = format!("/api/v1/namespaces/{}/services", stack.namespace);
    let creates = Match::path(Method::POST, &path);
    // It fails, and may work the next time: nothing is known.
    let failing = stack.api.on(creates.clone()).answer(Answer::kubernetes(StatusCode::INTERNAL_SERVER_ERROR, "Failed"));
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.until("orders", "Accepted", "Unknown", "Pending").await?;
    // It is refused, as a quota would.
    let refused = stack.api.on(creates).answer(Answer::kubernetes(StatusCode::FORBIDDEN, "Forbidden"));
    drop(failing);
    let condition = stack.until("orders", "Accepted", "False", "NotPermitted").await?;
    assert!(condition.message.contains("the Service orders: the gate says so"), "{}", condition.message);
    let ready = stack.until("orders", "Ready", "False", "NotPermitted").await?;
    assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    stack.event("orders", "NotPermitted").await?;
    drop(refused);
    stack.until("orders", "Accepted", "True", "Accepted").await?;
    stack.until("orders", "FunctionURLReady", "True", "Synced").await?;

    let writes =
        Match::any().path_contains(&format!("{path}/orders")).when("a write", |seen| seen.method != Method::GET);
    let refused = stack.api.on(writes).answer(Answer::kubernetes(StatusCode::UNPROCESSABLE_ENTITY, "Invalid"));
    stack.route("orders", &format!("{{function: {{name: {}}}, service: {{port: 8080}}}}", function.name())).await?;
    let condition = stack.until("orders", "Accepted", "False", "UnsupportedValue").await?;
    assert!(condition.message.contains("the gate says so"), "{}", condition.message);
    let told = stack.get("orders").await?;
    assert_eq!(told.status.and_then(|status| status.observed_generation), told.metadata.generation);
    drop(refused);
    stack.until("orders", "Accepted", "True", "Accepted").await.map(drop)
}

/// Writes of Services, as the API server was asked for them.
fn service_writes(stack: &Stack) -> usize {
    let requests = stack.controller_requests();
    requests.iter().filter(|(what, _)| what.ends_with(" services") && !what.starts_with("GET")).map(|(_, n)| n).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_annotations_of_the_manifest_come_and_go_with_one_write_and_leave_others_alone() -> anyhow::Result<()>
{
    let stack = Stack::with("additions", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = |service: &str| format!("{{function: {{name: {}}}, service: {service}}}", function.name());
    stack.route("orders", &spec("{labels: {team: shop, stage: test}, annotations: {example.com/owner: shop}}")).await?;
    stack.ready("orders").await?;
    let look = async || -> anyhow::Result<Vec<Option<String>>> {
        let service = stack.service("orders").await?.unwrap_or_default();
        let (labels, annotations) = (service.labels(), service.annotations());
        let label = |key: &str| labels.get(key).cloned();
        let annotation = |key: &str| annotations.get(key).cloned();
        Ok(vec![label("team"), label("stage"), label("theirs"), annotation("example.com/owner"), annotation("theirs")])
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(look().await?, [some("shop"), some("test"), None, some("shop"), None]);

    // Somebody else's tool marks the Service, too.
    let services: Api<Service> = Api::namespaced(stack.client(), &stack.namespace);
    let marks = json!({"metadata": {"labels": {"theirs": "1"}, "annotations": {"theirs": "1"}}});
    services.patch("orders", &PatchParams::default(), &Patch::Merge(&marks)).await?;

    for (service, expected) in [
        // Changed; the other label, which came with the Service itself, goes.
        ("{labels: {team: web}, annotations: {example.com/owner: web}}", [some("web"), None, some("web")]),
        ("{labels: {team: web, stage: late}}", [some("web"), some("late"), None]),
        ("{port: 80}", [None, None, None]),
    ] {
        let before = service_writes(&stack);
        stack.route("orders", &spec(service)).await?;
        stack.ready("orders").await?;
        let [team, stage, owner] = expected;
        assert_eq!(look().await?, [team, stage, some("1"), owner, some("1")], "{service}");
        assert_eq!(service_writes(&stack), before + 1, "{service}");
    }
    assert_eq!(stack.controller_calls(Some(&function)), floor(1), "AWS isn't asked for it");

    // Taken away by somebody else, it comes back.
    stack.route("orders", &spec("{labels: {team: shop}}")).await?;
    stack.ready("orders").await?;
    let taken = json!({"metadata": {"labels": {"team": null}}});
    services.patch("orders", &PatchParams::default(), &Patch::Merge(&taken)).await?;
    stack.eventually("the label to be back", async || Ok((look().await?[0] == some("shop")).then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_route_whose_service_is_gone_gets_no_endpoint_slices() -> anyhow::Result<()> {
    let stack = Stack::start("sliceless").await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = |suspend: bool| format!("{{function: {{name: {}}}, suspend: {suspend}}}", function.name());
    stack.route("orders", &spec(false)).await?;
    stack.ready("orders").await?;
    stack.route("orders", &spec(true)).await?;
    stack.until("orders", "Ready", "False", "Suspended").await?;
    stack.delete_service("orders").await?;
    stack
        .eventually("its slices to be empty", async || Ok(stack.endpoints_of("orders").await?.is_empty().then_some(())))
        .await?;
    // As the garbage collector does: their owner is gone.
    let slices: Api<EndpointSlice> = Api::namespaced(stack.client(), &stack.namespace);
    let of_service = ListParams::default().labels("kubernetes.io/service-name=orders");
    slices.delete_collection(&DeleteParams::default(), &of_service).await?;
    let none = async || Ok(slices.list(&of_service).await?.items.is_empty());
    stack.still(Duration::from_secs(1), "no slice is made for a Service that isn't there", none).await?;
    stack.route("orders", &spec(false)).await?;
    stack.ready("orders").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_writes_into_another_service_stays_with_its_route() -> anyhow::Result<()> {
    let mut stack = Stack::start("port").await?;
    let function = stack.function(Handler::Echo).await?;
    for name in ["victim", "other"] {
        stack.route(name, &format!("{{function: {{name: {}}}}}", function.name())).await?;
        stack.ready(name).await?;
    }
    let (port, others) = (stack.port("victim").await?, stack.port("other").await?);
    stack.kill_controller(0).await?;
    let services: Api<Service> = Api::namespaced(stack.client(), &stack.namespace);
    let taken = json!({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": port}]}});
    services.patch("other", &PatchParams::default(), &Patch::Strategic(&taken)).await?;
    assert_eq!(stack.port("other").await?, port);
    let watcher = stack.watch_endpoints("victim").await?;
    stack.start_controller(0).await?;
    stack
        .eventually("the other to have its own port", async || Ok((stack.port("other").await? == others).then_some(())))
        .await?;
    assert_eq!(stack.port("victim").await?, port);
    assert_eq!(watcher.fewest(), stack.proxies(), "its callers lost an endpoint");
    Ok(())
}

async fn unchanged(stack: &Stack, before: &Service) -> anyhow::Result<()> {
    let after = stack.service("orders").await?;
    assert_eq!(after.map(|service| service.metadata.resource_version), Some(before.metadata.resource_version.clone()));
    Ok(())
}
