//! Where keys and secret values come from: the real controller with the chart's rights, Secrets of the real API server, an
//! issuer of the harness, and a scripted proxy that says what it was given.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use lambdaroute_proxy_config::v1alpha1::auth_method::Method as Auth;
use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Answer as Told, Match};
use lambdaroute_tests::issuer::{DISCOVERY, Issuer, JWKS};
use lambdaroute_tests::scripted_proxy::Answer;
use lambdaroute_tests::stack::{Scripted, Shape, Stack};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const WEB: &str = "web-key-planted-0123456789";
const NEXT: &str = "web-key-planted-next-0123456789";
const MOBILE: &str = "mobile-key-planted-0123456789";

/// A stack without proxies whose controller may read the Secrets of the routes' namespace, and one scripted proxy.
async fn stack(name: &str, controller: Value, flags: Vec<String>) -> anyhow::Result<(Stack, Scripted)> {
    let namespace = format!("{name}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    let mut values = json!({"controller": {"secretNamespaces": [namespace]}});
    for (key, value) in controller.as_object().into_iter().flatten() {
        values["controller"][key] = value.clone();
    }
    let shape = Shape { proxies: 0, values, controller_flags: flags, namespace: Some(namespace), ..Shape::default() };
    let stack = Stack::with(name, shape).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    Ok((stack, proxy))
}

/// A route to a function of its own.
async fn route(stack: &Stack, name: &str, rest: &str) -> anyhow::Result<()> {
    let function = stack.function(Handler::Echo).await?;
    stack.route(name, &format!("function: {{name: {}}}\n{rest}", function.name())).await
}

fn with_keys(secret: &str) -> String {
    format!("auth: {{methods: [{{name: keys, type: APIKey, apiKey: {{secretRefs: [{{name: {secret}}}]}}}}]}}")
}

fn with_jwt(issuer: &str, uri: Option<&str>) -> String {
    let uri = uri.map(|uri| format!(", jwksURI: '{uri}'")).unwrap_or_default();
    format!("auth: {{methods: [{{name: idp, type: JWT, jwt: {{issuer: '{issuer}', audiences: [orders]{uri}}}}}]}}")
}

/// The digests that a proxy has of a Secret's keys, by consumer.
fn consumers(stack: &Stack, proxy: &Scripted, secret: &str) -> Option<Vec<(String, BTreeSet<Vec<u8>>)>> {
    match proxy.proxy.key_sets().remove(&format!("secret/{}/{secret}", stack.namespace))? {
        Keys::Consumers(consumers) => {
            let consumers = consumers.consumers.into_iter();
            Some(consumers.map(|consumer| (consumer.name, consumer.sha256.into_iter().collect())).collect())
        }
        Keys::Jwks(_) => None,
    }
}

fn digests(keys: &[&str]) -> BTreeSet<Vec<u8>> {
    keys.iter().map(|key| Sha256::digest(key).to_vec()).collect()
}

/// Waits until the proxy has exactly these keys of `orders-consumers`; none: it has no such key set.
async fn until_keys(
    stack: &Stack,
    proxy: &Scripted,
    expected: Option<Vec<(String, BTreeSet<Vec<u8>>)>>,
) -> anyhow::Result<()> {
    stack
        .eventually("the proxy to have the Secret's keys as they are", async || {
            Ok((consumers(stack, proxy, "orders-consumers") == expected).then_some(()))
        })
        .await
}

/// The key ids of each JWKS that the proxy has.
fn key_ids(proxy: &Scripted) -> Vec<(String, Vec<String>)> {
    let sets = proxy.proxy.key_sets().into_iter().filter_map(|(id, keys)| match keys {
        Keys::Jwks(text) => Some((id, text)),
        Keys::Consumers(_) => None,
    });
    sets.map(|(id, text)| {
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        let keys = document["keys"].as_array().into_iter().flatten();
        (id, keys.map(|key| key["kid"].as_str().unwrap_or_default().to_owned()).collect())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_secret_reach_proxies_as_digests_and_a_removed_one_is_gone_at_once() -> anyhow::Result<()> {
    let (stack, proxy) = stack("secret-keys", json!({}), vec![]).await?;
    stack.secret("orders-consumers", &[("web", WEB), ("mobile", MOBILE)]).await?;
    stack.secret("unused", &[("key", "unused-planted-0123456789")]).await?;
    route(&stack, "orders", &with_keys("orders-consumers")).await?;
    let web = |keys: &[&str]| ("web".to_owned(), digests(keys));
    let mobile = ("mobile".to_owned(), digests(&[MOBILE]));
    until_keys(&stack, &proxy, Some(vec![mobile.clone(), web(&[WEB])])).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;

    stack.secret("orders-consumers", &[("web", &format!("{WEB}\n{NEXT}\n")), ("mobile", MOBILE)]).await?;
    until_keys(&stack, &proxy, Some(vec![mobile.clone(), web(&[WEB, NEXT])])).await?;
    let begun = Instant::now();
    stack.secret("orders-consumers", &[("web", NEXT), ("mobile", MOBILE)]).await?;
    until_keys(&stack, &proxy, Some(vec![mobile, web(&[NEXT])])).await?;
    eprintln!("a removed key is gone from the proxy after {:?}", begun.elapsed());

    let read = |name: &str| Match::path(Method::GET, &format!("/api/v1/namespaces/{}/secrets/{name}", stack.namespace));
    assert!(stack.api.count(&read("orders-consumers")) > 0);
    assert_eq!(stack.api.count(&read("unused")), 0, "data that no route refers to isn't read");
    let log = stack.controller_log(0)?;
    assert!(!log.contains("planted"), "a key is in the log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_no_secret_is_read_and_status_says_what_to_do() -> anyhow::Result<()> {
    let stack = Stack::with("no-secrets", Shape { proxies: 0, ..Shape::default() }).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    stack.secret("orders-consumers", &[("web", WEB)]).await?;
    route(&stack, "orders", &with_keys("orders-consumers")).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "RefNotPermitted").await?;
    for part in ["orders-consumers", "controller.secretNamespaces", &stack.namespace] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }
    let ready = stack.until("orders", "Ready", "False", "RefNotPermitted").await?;
    assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    stack.event("orders", "RefNotPermitted").await?;
    let of_namespace = format!("/namespaces/{}/secrets", stack.namespace);
    assert_eq!(stack.api.count(&Match::any().path_contains(&of_namespace)), 0, "it doesn't even ask");
    stack.eventually("the route at the proxy", async || Ok(proxy.proxy.route("orders").map(drop))).await?;
    assert_eq!(proxy.proxy.key_sets().len(), 0, "served, but nobody is recognised");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_stop_when_their_secret_goes_or_may_not_be_read_any_more() -> anyhow::Result<()> {
    let (stack, proxy) = stack("secret-gone", json!({}), vec![]).await?;
    route(&stack, "orders", &with_keys("orders-consumers")).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "SecretNotFound").await?;
    assert!(condition.message.contains("orders-consumers"), "{}", condition.message);
    let web = || Some(vec![("web".to_owned(), digests(&[WEB]))]);
    stack.secret("orders-consumers", &[("web", WEB)]).await?;
    until_keys(&stack, &proxy, web()).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;

    stack.delete_secret("orders-consumers").await?;
    until_keys(&stack, &proxy, None).await?;
    stack.until("orders", "ResolvedRefs", "False", "SecretNotFound").await?;

    stack.secret("orders-consumers", &[("web", WEB)]).await?;
    until_keys(&stack, &proxy, web()).await?;
    stack.bar_secrets().await?;
    // The watch is open still; what it tells of can't be read.
    stack.secret("orders-consumers", &[("web", &format!("{WEB}\n{NEXT}"))]).await?;
    until_keys(&stack, &proxy, None).await?;
    stack.until("orders", "ResolvedRefs", "False", "RefNotPermitted").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_is_over_by_itself() -> anyhow::Result<()> {
    let (mut stack, proxy) = stack("secret-refused", json!({}), vec![]).await?;
    let refused = || Told::kubernetes(StatusCode::FORBIDDEN, "Forbidden");
    let secrets = format!("/api/v1/namespaces/{}/secrets", stack.namespace);
    let read = Match::path(Method::GET, &format!("{secrets}/orders-consumers"));
    stack.secret("orders-consumers", &[("web", WEB)]).await?;
    // A read that is refused.
    let once = stack.api.on(read.clone()).once().answer(refused());
    route(&stack, "orders", &with_keys("orders-consumers")).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;
    until_keys(&stack, &proxy, Some(vec![("web".to_owned(), digests(&[WEB]))])).await?;
    assert_eq!(once.count(), 1);
    drop(once);

    // A new leader's watch is refused, and the reads that this leads to.
    stack.stop_controller(0).await?;
    proxy.cut();
    let watch = stack.api.on(Match::path(Method::GET, &secrets).parameter("watch", "true")).once();
    let watch = watch.answer(refused());
    let reads = stack.api.on(read.clone()).skip(1).once().answer(refused());
    stack.start_controller(0).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    stack.eventually("both refusals", async || Ok((watch.count() == 1 && reads.count() == 1).then_some(()))).await?;
    until_keys(&stack, &proxy, Some(vec![("web".to_owned(), digests(&[WEB]))])).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;
    // And it is followed on.
    stack.secret("orders-consumers", &[("web", NEXT)]).await?;
    until_keys(&stack, &proxy, Some(vec![("web".to_owned(), digests(&[NEXT]))])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_key_is_named_by_its_consumer_and_the_others_work() -> anyhow::Result<()> {
    let (stack, proxy) = stack("short-key", json!({}), vec![]).await?;
    stack.secret("orders-consumers", &[("web", WEB), ("mobile", "short-planted")]).await?;
    route(&stack, "orders", &with_keys("orders-consumers")).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "KeysUnavailable").await?;
    assert!(condition.message.contains("consumer mobile has fewer than 16 characters"), "{}", condition.message);
    assert!(!condition.message.contains("planted"), "{}", condition.message);
    let ready = stack.until("orders", "Ready", "False", "KeysUnavailable").await?;
    assert!(ready.message.starts_with("You: "), "{}", ready.message);
    until_keys(&stack, &proxy, Some(vec![("web".to_owned(), digests(&[WEB]))])).await?;
    stack.secret("orders-consumers", &[("web", WEB), ("mobile", MOBILE)]).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headers_value_comes_from_a_secret_and_follows_it() -> anyhow::Result<()> {
    let (stack, proxy) = stack("secret-header", json!({}), vec![]).await?;
    stack.secret("gateway", &[("other", "x")]).await?;
    let header = "requestHeaders: {set: [{name: x-gateway-key, valueFrom: {secretKeyRef: {name: gateway, key: key}}}]}";
    route(&stack, "orders", header).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "SecretNotFound").await?;
    assert!(condition.message.contains("the key key of the Secret gateway"), "{}", condition.message);
    assert_eq!(proxy.proxy.route("orders"), None, "a route isn't served without its header");
    let until_value = async |expected: &str| {
        stack
            .eventually("the header's value at the proxy", async || {
                let headers = proxy.proxy.route("orders").and_then(|route| route.request_headers).unwrap_or_default();
                let found = headers.set.iter().any(|it| it.name == "x-gateway-key" && it.value == expected.as_bytes());
                Ok(found.then_some(()))
            })
            .await
    };
    stack.secret("gateway", &[("key", "planted-one\n")]).await?;
    until_value("planted-one").await?;
    stack.secret("gateway", &[("key", "planted-two")]).await?;
    until_value("planted-two").await?;
    stack.secret("gateway", &[("key", "planted\nx-injected: yes")]).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "SecretNotFound").await?;
    assert!(condition.message.contains("line breaks") && !condition.message.contains("planted"), "{condition:?}");
    let service = serde_json::to_string(&stack.service("orders").await?)?;
    let status = serde_json::to_string(&stack.get("orders").await?)?;
    for kept in [service, status, stack.controller_log(0)?] {
        assert!(!kept.contains("planted"), "a value is where others may read it");
    }
    Ok(())
}

/// An issuer, and the controller's flags and values to fetch from it.
async fn issuer() -> anyhow::Result<(Issuer, tempfile::NamedTempFile, Value)> {
    let issuer = Issuer::start().await?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &issuer.authority)?;
    Ok((issuer, file, json!({"jwks": {"privateRanges": ["127.0.0.0/8"]}})))
}

fn trusting(file: &tempfile::NamedTempFile) -> Vec<String> {
    vec![format!("--jwks-ca-file={}", file.path().display())]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_keys_are_fetched_once_for_all_routes_and_again_on_an_unknown_key() -> anyhow::Result<()> {
    let (issuer, file, values) = issuer().await?;
    let (stack, proxy) = stack("issuer", values, trusting(&file)).await?;
    route(&stack, "a", &with_jwt(&issuer.url, None)).await?;
    route(&stack, "b", &with_jwt(&issuer.url, None)).await?;
    for name in ["a", "b"] {
        stack.until(name, "ResolvedRefs", "True", "ResolvedRefs").await?;
    }
    let until_kid = async |kid: String| {
        stack
            .eventually(&format!("the proxy to have {kid}"), async || {
                let sets = key_ids(&proxy);
                Ok((sets.len() == 1 && sets[0].1 == [kid.clone()]).then(|| sets[0].0.clone()))
            })
            .await
    };
    let id = until_kid(issuer.kid()).await?;
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked(JWKS)), (1, 1));
    issuer.rotate()?;
    proxy.proxy.report_stale(&id).await;
    until_kid(issuer.kid()).await?;
    assert_eq!(issuer.asked(JWKS), 2);
    let metrics = String::from_utf8_lossy(&stack.controller_admin(0, "/metrics").await?.body).into_owned();
    assert!(metrics.contains(r#"key_fetches_total{source="issuer",outcome="ok"} 2"#), "{metrics}");
    stack.delete("a").await?;
    stack.delete("b").await?;
    stack.eventually("the key set to go", async || Ok(key_ids(&proxy).is_empty().then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_served_on_while_their_issuer_fails() -> anyhow::Result<()> {
    let (issuer, file, mut values) = issuer().await?;
    values["jwks"]["refreshInterval"] = json!("500ms");
    let (stack, proxy) = stack("issuer-fails", values, trusting(&file)).await?;
    route(&stack, "orders", &with_jwt(&issuer.url, Some(&issuer.jwks()))).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;
    assert_eq!(issuer.asked(DISCOVERY), 0, "where the keys are is given");
    stack.eventually("the keys at the proxy", async || Ok((key_ids(&proxy).len() == 1).then_some(()))).await?;
    issuer.fail()?;
    let event = stack.event("orders", "KeysNotRefreshed").await?;
    assert!(event.note.is_some_and(|note| note.contains("status 503") && note.contains("served on")));
    assert_eq!(key_ids(&proxy).len(), 1);
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;
    issuer.recover();
    stack.event("orders", "KeysRefreshed").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_not_asked_unless_the_operator_allows_it() -> anyhow::Result<()> {
    let (issuer, file, _) = issuer().await?;
    let (stack, proxy) = stack("private", json!({}), trusting(&file)).await?;
    route(&stack, "discovered", &with_jwt(&issuer.url, None)).await?;
    route(&stack, "given", &with_jwt(&issuer.url, Some(&issuer.jwks()))).await?;
    for name in ["discovered", "given"] {
        let condition = stack.until(name, "ResolvedRefs", "False", "KeysUnavailable").await?;
        assert!(condition.message.contains("controller.jwks.privateRanges"), "{}", condition.message);
        let ready = stack.until(name, "Ready", "False", "KeysUnavailable").await?;
        assert!(ready.message.starts_with("Platform team: "), "{}", ready.message);
    }
    assert_eq!((issuer.connections(), key_ids(&proxy)), (0, vec![]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_issuer_answers_wrongly_is_refused_and_named() -> anyhow::Result<()> {
    let (issuer, file, values) = issuer().await?;
    let elsewhere = Issuer::start().await?;
    let (stack, proxy) = stack("issuer-wrong", values, trusting(&file)).await?;
    let redirect = |to: &str| Response::builder().status(StatusCode::FOUND).header("location", to).body(Bytes::new());
    let body = |text: String| Response::new(Bytes::from(text));
    let symmetric = json!({"keys": [{"kty": "oct", "kid": "1", "k": "c2VjcmV0"}]}).to_string();
    let other = json!({"issuer": elsewhere.url, "jwks_uri": issuer.jwks()}).to_string();
    let metadata = json!({"issuer": issuer.url, "jwks_uri": "https://169.254.169.254/latest"}).to_string();
    issuer.answer("/elsewhere", redirect(&elsewhere.jwks())?);
    issuer.answer("/around", redirect("/around")?);
    issuer.answer("/large", body(" ".repeat(1024 * 1024 + 1)));
    issuer.answer("/html", body("<html></html>".to_owned()));
    issuer.answer("/symmetric", body(symmetric));
    issuer.answer(&format!("/other{DISCOVERY}"), body(other));
    issuer.answer(
        &format!("/metadata{DISCOVERY}"),
        body(metadata.replace(&issuer.url, &format!("{}/metadata", issuer.url))),
    );
    issuer.answer("/once", redirect(JWKS)?);
    let given = |path: &str| with_jwt(&issuer.url, Some(&format!("{}{path}", issuer.url)));
    let discovered = |path: &str| with_jwt(&format!("{}{path}", issuer.url), None);
    let cases = [
        ("elsewhere", given("/elsewhere"), "redirects to another host"),
        ("around", given("/around"), "more than 3 times"),
        ("large", given("/large"), "more than 1 MiB"),
        ("html", given("/html"), "not a JSON Web Key Set"),
        ("missing", given("/missing"), "status 404"),
        ("symmetric", given("/symmetric"), "no key that tokens may be verified with"),
        ("other", discovered("/other"), "another issuer"),
        ("metadata", discovered("/metadata"), "no public address"),
        ("untrusted", with_jwt(&elsewhere.url, None), "TLS fails"),
    ];
    for (name, auth, _) in &cases {
        route(&stack, name, auth).await?;
    }
    route(&stack, "once", &given("/once")).await?;
    for (name, _, words) in &cases {
        let condition = stack.until(name, "ResolvedRefs", "False", "KeysUnavailable").await?;
        assert!(condition.message.contains(words), "{name}: {}", condition.message);
    }
    stack.until("once", "ResolvedRefs", "True", "ResolvedRefs").await?;
    assert_eq!(elsewhere.asked(JWKS), 0);
    let given: Vec<_> = proxy.proxy.key_sets().into_values().map(|keys| format!("{keys:?}")).collect();
    assert!(!given.iter().any(|keys| keys.contains("c2VjcmV0")), "a symmetric key reaches no proxy: {given:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clusters_own_issuer_and_keys_come_from_its_api_server() -> anyhow::Result<()> {
    let stack = Stack::with("cluster-keys", Shape { proxies: 0, ..Shape::default() }).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    let pods = "auth: {methods: [{name: pods, type: ServiceAccount, serviceAccount: {allow: [{namespace: web, name: checkout}]}}]}";
    route(&stack, "orders", pods).await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;
    let route = stack.eventually("the route at the proxy", async || Ok(proxy.proxy.route("orders"))).await?;
    let token = stack.cluster.token(&stack.namespace, "default", None, None).await?;
    let claims = token.split('.').nth(1).map(|part| part.replace('-', "+").replace('_', "/")).unwrap_or_default();
    let padded = format!("{claims}{}", "=".repeat((4 - claims.len() % 4) % 4));
    let claims: Value = serde_json::from_slice(&aws_smithy_types::base64::decode(padded)?)?;
    let methods = route.auth.map(|auth| auth.methods).unwrap_or_default();
    let Some(Auth::ServiceAccount(account)) = methods.first().and_then(|method| method.method.clone()) else {
        panic!("{methods:?}")
    };
    assert_eq!(claims["iss"], account.issuer, "as its tokens say");
    assert_eq!(account.key_set, "cluster");
    let sets = stack
        .eventually(
            "the cluster's keys at the proxy",
            async || Ok(Some(key_ids(&proxy)).filter(|sets| sets.len() == 1)),
        )
        .await?;
    assert!(sets[0].0 == "cluster" && !sets[0].1.is_empty(), "{sets:?}");
    // Its tokens would open the API server, too.
    let audience = claims["aud"][0].as_str().unwrap_or_default();
    let api_server = format!(
        "auth: {{methods: [{{name: pods, type: ServiceAccount, serviceAccount: {{audience: '{audience}', allow: [{{namespace: web, name: checkout}}]}}}}]}}"
    );
    match self::route(&stack, "api-server", &api_server).await {
        Ok(()) => drop(stack.until("api-server", "Accepted", "False", "InvalidSpec").await?),
        Err(refused) => assert!(format!("{refused:#}").contains("opens other doors"), "{refused:#}"),
    }
    Ok(())
}
