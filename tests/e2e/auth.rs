//! Who may call, all the way: manifests of a user, the real controller and API server, real proxies, functions that say what
//! they were given. What each part does for itself is tested in its own place.

use std::time::Instant;

use bytes::Bytes;
use http::{Request, StatusCode};
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::{Answer, send};
use lambdaroute_tests::issuer::Issuer;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const WEB: &str = "web-key-planted-0123456789";
const NEXT: &str = "web-key-planted-next-0123456789";

/// A stack whose controller may read the Secrets of the routes' namespace.
async fn stack(name: &str, controller: Value, flags: Vec<String>) -> anyhow::Result<Stack> {
    let namespace = format!("{name}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    let mut values = json!({"controller": {"secretNamespaces": [namespace]}});
    for (key, value) in controller.as_object().into_iter().flatten() {
        values["controller"][key] = value.clone();
    }
    let shape = Shape { values, controller_flags: flags, namespace: Some(namespace), ..Shape::default() };
    Stack::with(name, shape).await
}

/// A ready route to a function of its own; gives its URL.
async fn serve(stack: &Stack, name: &str, auth: &str) -> anyhow::Result<String> {
    let function = stack.function(Handler::Echo).await?;
    let spec = format!("function: {{name: {}}}\nauth: {{methods: [{auth}]}}", function.name());
    stack.route(name, &spec).await?;
    stack.ready(name).await?;
    stack.url(name).await
}

async fn call(url: &str, header: &str, value: &str) -> anyhow::Result<Answer> {
    send(Request::get(url).header(header, value).body(Bytes::new())?).await
}

async fn bearer(url: &str, token: &str) -> anyhow::Result<Answer> {
    call(url, "authorization", &format!("Bearer {token}")).await
}

/// The headers that the function was given.
fn given(answer: &Answer) -> anyhow::Result<Value> {
    anyhow::ensure!(answer.status == StatusCode::OK, "{} {:?}", answer.status, answer.cause());
    Ok(answer.json()?["headers"].clone())
}

fn refused(answer: &Answer) {
    assert_eq!((answer.status, answer.cause().as_deref()), (StatusCode::UNAUTHORIZED, Some("unauthenticated")));
    assert!(answer.headers.contains_key("www-authenticate"), "{:?}", answer.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_by_its_digest_or_from_a_secret_lets_its_consumer_in_and_nobody_else() -> anyhow::Result<()> {
    let stack = stack("api-keys", json!({}), vec![]).await?;
    stack.secret("orders-consumers", &[("mobile", WEB)]).await?;
    let digest = hex::encode(Sha256::digest(NEXT));
    let keys = format!(
        "{{name: keys, type: APIKey, apiKey: {{
            secretRefs: [{{name: orders-consumers}}], consumers: [{{name: web, digests: ['sha256:{digest}']}}]}}}}"
    );
    let url = serve(&stack, "orders", &keys).await?;
    for (key, consumer) in [(WEB, "mobile"), (NEXT, "web")] {
        let headers = given(&call(&url, "x-api-key", key).await?)?;
        assert_eq!(headers["x-lambdaroute-consumer"], consumer);
        assert_eq!(headers["x-lambdaroute-auth"], "keys");
        assert_eq!(headers["x-api-key"], Value::Null, "the key never leaves");
    }
    refused(&call(&url, "x-api-key", "somebody-elses-0123456789").await?);
    refused(&call(&url, "x-other", WEB).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_without_a_gap_and_the_old_one_ends_on_every_proxy() -> anyhow::Result<()> {
    let stack = stack("key-rotation", json!({}), vec![]).await?;
    stack.secret("orders-consumers", &[("web", WEB)]).await?;
    let keys = "{name: keys, type: APIKey, apiKey: {secretRefs: [{name: orders-consumers}]}}";
    serve(&stack, "orders", keys).await?;
    let proxies = [stack.url_at("orders", 0).await?, stack.url_at("orders", 1).await?];
    let everywhere = async |key: &str, status: StatusCode| {
        stack
            .eventually(&format!("{status} for a key on both proxies"), async || {
                for url in &proxies {
                    if call(url, "x-api-key", key).await?.status != status {
                        return Ok(None);
                    }
                }
                Ok(Some(()))
            })
            .await
    };
    everywhere(WEB, StatusCode::OK).await?;
    stack.secret("orders-consumers", &[("web", &format!("{WEB}\n{NEXT}"))]).await?;
    everywhere(NEXT, StatusCode::OK).await?;
    everywhere(WEB, StatusCode::OK).await?;
    let begun = Instant::now();
    stack.secret("orders-consumers", &[("web", NEXT)]).await?;
    everywhere(WEB, StatusCode::UNAUTHORIZED).await?;
    eprintln!("a removed key is refused on every proxy after {:?}", begun.elapsed());
    everywhere(NEXT, StatusCode::OK).await?;
    stack.delete_secret("orders-consumers").await?;
    everywhere(NEXT, StatusCode::UNAUTHORIZED).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_its_secret_a_route_lets_nobody_in() -> anyhow::Result<()> {
    let stack = Stack::start("no-right").await?;
    stack.secret("orders-consumers", &[("web", WEB)]).await?;
    let function = stack.function(Handler::Echo).await?;
    let keys = "{name: keys, type: APIKey, apiKey: {secretRefs: [{name: orders-consumers}]}}";
    stack.route("orders", &format!("function: {{name: {}}}\nauth: {{methods: [{keys}]}}", function.name())).await?;
    stack.until("orders", "ResolvedRefs", "False", "RefNotPermitted").await?;
    let url = stack.url("orders").await?;
    refused(&call(&url, "x-api-key", WEB).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_issuer_are_let_in_over_its_rotation_and_its_failure() -> anyhow::Result<()> {
    let issuer = Issuer::start().await?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &issuer.authority)?;
    let values = json!({"jwks": {"privateRanges": ["127.0.0.0/8"]}});
    let stack = stack("jwt", values, vec![format!("--jwks-ca-file={}", file.path().display())]).await?;
    let jwt = format!(
        "{{name: idp, type: JWT, jwt: {{issuer: '{}', audiences: [orders],
            requiredClaims: [{{claim: scope, type: SpaceDelimited, anyOf: ['orders:write']}}],
            forwardClaims: [{{claim: tenant, header: x-tenant}}]}}}}",
        issuer.url
    );
    let url = serve(&stack, "orders", &jwt).await?;
    let claims = json!({"scope": "orders:read orders:write", "tenant": "blue"});
    let headers = given(&bearer(&url, &issuer.token("orders", &claims)?).await?)?;
    let told = (&headers["x-lambdaroute-consumer"], &headers["x-lambdaroute-auth"], &headers["x-tenant"]);
    assert_eq!(told, (&json!("somebody"), &json!("idp"), &json!("blue")));
    refused(&bearer(&url, &issuer.token("other", &claims)?).await?);
    refused(&bearer(&url, &Issuer::start().await?.token("orders", &claims)?).await?);
    let missing = bearer(&url, &issuer.token("orders", &json!({"scope": "orders:read"}))?).await?;
    assert!(missing.status.is_client_error() && missing.status != StatusCode::NOT_FOUND, "{}", missing.status);

    issuer.rotate()?;
    let rotated = issuer.token("orders", &claims)?;
    stack
        .eventually("a token of the new key to be let in", async || {
            Ok((bearer(&url, &rotated).await?.status == StatusCode::OK).then_some(()))
        })
        .await?;
    issuer.fail()?;
    given(&bearer(&url, &issuer.token("orders", &claims)?).await?).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pods_own_token_is_let_in_and_one_of_another_service_account_is_not() -> anyhow::Result<()> {
    let stack = Stack::start("pods").await?;
    let allow = format!("allow: [{{namespace: {}, name: checkout}}]", stack.namespace);
    let url =
        serve(&stack, "orders", &format!("{{name: pods, type: ServiceAccount, serviceAccount: {{{allow}}}}}")).await?;
    for name in ["checkout", "other"] {
        let metadata = json!({"name": name, "namespace": stack.namespace});
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
        stack.cluster.apply(&account, None).await?;
    }
    let audience = format!("orders.{}", stack.namespace);
    let token =
        async |name: &str, audience: Option<&str>| stack.cluster.token(&stack.namespace, name, audience, None).await;
    let ours = token("checkout", Some(&audience)).await?;
    let headers =
        stack.eventually("the token to be let in", async || Ok(Some(given(&bearer(&url, &ours).await?)?))).await?;
    assert_eq!(headers["x-lambdaroute-auth"], "pods");
    assert_eq!(headers["x-lambdaroute-consumer"], format!("{}/checkout", stack.namespace));
    assert!(!headers.to_string().contains(&ours), "the token never reaches the function");
    for (name, audience) in [("other", Some(audience.as_str())), ("checkout", Some("elsewhere")), ("checkout", None)] {
        let answer = bearer(&url, &token(name, audience).await?).await?;
        assert!(answer.status == StatusCode::UNAUTHORIZED || answer.status == StatusCode::FORBIDDEN, "{answer:?}");
    }
    Ok(())
}
