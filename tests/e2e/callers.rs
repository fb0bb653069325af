//! Who may call, through everything: a manifest, the real controller, real proxies, and tokens of a real API server.

use bytes::Bytes;
use http::{Request, StatusCode};
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::{Answer, send};
use lambdaroute_tests::stack::{Shape, Stack};
use sha2::{Digest, Sha256};

const KEY: &str = "key-of-web-planted-0123456789";
const NEXT: &str = "key-of-web-planted-next-012345";

async fn call(url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let mut request = Request::get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Bytes::new())?).await
}

/// Who the function was told called it, and by what.
fn caller(answer: &Answer) -> anyhow::Result<(String, String)> {
    anyhow::ensure!(answer.status == StatusCode::OK, "{answer:?}");
    let headers = answer.json()?["headers"].take();
    let of = |name: &str| headers[name].as_str().unwrap_or_default().to_owned();
    Ok((of("x-lambdaroute-auth"), of("x-lambdaroute-consumer")))
}

fn spec(stack: &Stack, function: &str, keys: &[&str]) -> String {
    let digests: Vec<String> =
        keys.iter().map(|key| format!("'sha256:{}'", hex::encode(Sha256::digest(key)))).collect();
    format!(
        "{{function: {{name: {function}}}, auth: {{methods: [\
            {{name: keys, type: APIKey, apiKey: {{consumers: [{{name: web, digests: [{}]}}]}}}}, \
            {{name: pods, type: ServiceAccount, serviceAccount: {{allow: [{{namespace: {}, name: default}}]}}}}]}}}}",
        digests.join(", "),
        stack.namespace
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_tokens_of_pods_open_a_route_until_they_are_taken_away() -> anyhow::Result<()> {
    let stack = Stack::with("callers", Shape { proxies: 2, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&stack, function.name(), &[KEY, NEXT])).await?;
    stack.ready("orders").await?;
    let urls = [stack.url_at("orders", 0).await?, stack.url_at("orders", 1).await?];

    let audience = format!("orders.{}", stack.namespace);
    let token = stack.account_token("default", &audience).await?;
    let bearer = format!("Bearer {token}");
    for url in &urls {
        let nobody = call(url, &[("x-lambdaroute-consumer", "root")]).await?;
        assert_eq!((nobody.status, nobody.cause().as_deref()), (StatusCode::UNAUTHORIZED, Some("unauthenticated")));
        for key in [KEY, NEXT] {
            let by_key = call(url, &[("x-api-key", key), ("x-lambdaroute-consumer", "root")]).await?;
            assert_eq!(caller(&by_key)?, ("keys".to_owned(), "web".to_owned()));
            assert!(!String::from_utf8_lossy(&by_key.body).contains(key), "the key stays here");
        }
        let by_token = call(url, &[("authorization", &bearer)]).await?;
        assert_eq!(caller(&by_token)?, ("pods".to_owned(), format!("{}/default", stack.namespace)));
        assert!(!String::from_utf8_lossy(&by_token.body).contains(&token), "so does the token");
    }
    let elsewhere = stack.account_token("default", "sts.amazonaws.com").await?;
    let answer = call(&urls[0], &[("authorization", &format!("Bearer {elsewhere}"))]).await?;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "a token for somebody else opens nothing");

    stack.route("orders", &spec(&stack, function.name(), &[NEXT])).await?;
    for url in &urls {
        stack
            .eventually("the revoked key to be refused", async || {
                Ok((call(url, &[("x-api-key", KEY)]).await?.status == StatusCode::UNAUTHORIZED).then_some(()))
            })
            .await?;
    }
    for url in &urls {
        assert_eq!(caller(&call(url, &[("x-api-key", NEXT)]).await?)?.1, "web", "its other key works on");
    }
    Ok(())
}
