//! Who may call, from the manifest to the caller: keys that work and keys that don't, and what a suspended route, a change of
//! leader or an edited Service can't open.

use bytes::Bytes;
use http::{Request, StatusCode};
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{Patch, PatchParams};
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::{get, send};
use lambdaroute_tests::stack::Stack;
use serde_json::json;

/// On the Service: what proxies were told last.
const PROGRAMMED: &str = "lambdaroute.dev/programmed";
const FIRST: &str = "orders-demo-key-1";
const SECOND: &str = "orders-demo-key-2";
/// The digests of the two, as sha256sum gives them.
const DIGESTS: [&str; 2] = [
    "e5d7471365bd774604f871734691f05453443dbc53298e4a45b6852b202a039a",
    "0cdce95dbcf5f11471bffb7e46c579c11c1453614f68a174330cde91cf2f99f8",
];

fn guarded(function: &str, digests: &[&str]) -> String {
    let digests: Vec<String> = digests.iter().map(|digest| format!("'sha256:{digest}'")).collect();
    format!(
        "{{function: {{name: {function}}}, auth: {{methods: [{{name: keys, type: APIKey, apiKey: {{consumers: [{{name: web, digests: [{}]}}]}}}}]}}}}",
        digests.join(", ")
    )
}

async fn with_key(url: &str, key: &str) -> anyhow::Result<StatusCode> {
    let request = Request::get(url).header("x-api-key", key).body(Bytes::new())?;
    Ok(send(request).await?.status)
}

/// Waits until calls with a key are answered so.
async fn until(stack: &Stack, url: &str, key: &str, status: StatusCode) -> anyhow::Result<()> {
    let what = format!("calls with {key} to be answered with {status}");
    stack.eventually(&what, async || Ok((with_key(url, key).await? == status).then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_manifest_lets_its_holder_in_until_it_is_taken_out() -> anyhow::Result<()> {
    let stack = Stack::start("keys").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &guarded(function.name(), &DIGESTS)).await?;
    let route = stack.ready("orders").await?;
    let status = route.status.unwrap_or_default();
    assert_eq!(status.auth.as_deref(), Some("APIKey"));
    let url = stack.url("orders").await?;
    let refused = get(&url).await?;
    assert_eq!((refused.status, refused.cause().as_deref()), (StatusCode::UNAUTHORIZED, Some("unauthenticated")));
    for key in [FIRST, SECOND] {
        assert_eq!(with_key(&url, key).await?, StatusCode::OK, "{key}");
    }
    let ran = function.invocations().await?;
    stack.route("orders", &guarded(function.name(), &DIGESTS[1..])).await?;
    until(&stack, &url, FIRST, StatusCode::UNAUTHORIZED).await?;
    assert_eq!(with_key(&url, SECOND).await?, StatusCode::OK);
    let again = stack.get("orders").await?.status.unwrap_or_default();
    assert_ne!(again.programmed_digest, status.programmed_digest);
    assert!(function.invocations().await? > ran);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_route_lets_in_whom_it_let_in_before_under_another_leader_too() -> anyhow::Result<()> {
    let mut stack = Stack::start("suspended-keys").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &guarded(function.name(), &DIGESTS[..1])).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    let open = format!("{{function: {{name: {}}}, suspend: true}}", function.name());
    stack.route("orders", &open).await?;
    stack.until("orders", "Ready", "False", "Suspended").await?;
    stack.kill_controller(0).await?;
    stack.start_controller(0).await?;
    // Whatever the new leader told proxies about this route, it told before a later route was ready.
    let other = stack.function(Handler::Echo).await?;
    stack.route("later", &format!("{{function: {{name: {}}}}}", other.name())).await?;
    stack.ready("later").await?;
    assert_eq!(get(&url).await?.status, StatusCode::UNAUTHORIZED);
    assert_eq!(with_key(&url, FIRST).await?, StatusCode::OK);
    assert_eq!(stack.get("orders").await?.status.unwrap_or_default().auth.as_deref(), Some("APIKey"));
    stack.route("orders", &open.replace("suspend: true", "suspend: false")).await?;
    stack
        .eventually("the manifest to hold", async || Ok((get(&url).await?.status == StatusCode::OK).then_some(())))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_edits_the_service_opens_nothing() -> anyhow::Result<()> {
    let mut stack = Stack::start("edited").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &guarded(function.name(), &DIGESTS[..1])).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    let services: Api<Service> = Api::namespaced(stack.client(), &stack.namespace);
    let live = stack.service("orders").await?.and_then(|service| service.metadata.annotations).unwrap_or_default();
    let mut programmed: serde_json::Value = serde_json::from_str(&live[PROGRAMMED])?;
    assert!(!programmed["access"]["auth"].is_null(), "{programmed}");
    programmed["access"] = json!({});
    stack.kill_controller(0).await?;
    let edit = json!({"metadata": {"annotations": {PROGRAMMED: programmed.to_string()}}});
    services.patch("orders", &PatchParams::default(), &Patch::Merge(edit)).await?;
    stack.start_controller(0).await?;
    stack
        .eventually("the annotation to be put right", async || {
            assert_ne!(get(&url).await?.status, StatusCode::OK, "nobody gets in without a key meanwhile");
            let annotations = stack.service("orders").await?.and_then(|service| service.metadata.annotations);
            Ok((annotations.unwrap_or_default().get(PROGRAMMED) == live.get(PROGRAMMED)).then_some(()))
        })
        .await?;
    stack.ready("orders").await?;
    assert_eq!(get(&url).await?.status, StatusCode::UNAUTHORIZED);
    until(&stack, &url, FIRST, StatusCode::OK).await
}
