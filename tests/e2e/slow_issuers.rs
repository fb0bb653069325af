//! Issuers that take connections and never answer, as many as a tenant can name: the keys of others come and are renewed, and
//! nothing else waits, under a new leader neither.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use lambdaroute_proxy_config::v1alpha1::key_set::Keys;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::issuer::Issuer;
use lambdaroute_tests::scripted_proxy::Answer;
use lambdaroute_tests::stack::{Scripted, Shape, Stack};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// Each route may have so many methods.
const METHODS: usize = 8;
/// With these, 184 issuers: each round of fetches takes half a minute, and another one is due by then.
const ROUTES: usize = 23;
/// A route that waits for no issuer is Ready so soon, on a busy machine too.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Takes connections and never answers.
struct Silent {
    port: u16,
    taken: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl Silent {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (port, taken) = (listener.local_addr()?.port(), Arc::new(AtomicUsize::new(0)));
        let count = taken.clone();
        let server = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                held.push(stream);
            }
        });
        Ok(Self { port, taken, _server: AbortOnDropHandle::new(server) })
    }
}

fn jwt(name: &str, issuer: &str, keys: Option<&str>) -> Value {
    let mut method = json!({"name": name, "type": "JWT", "jwt": {"issuer": issuer, "audiences": ["orders"]}});
    if let Some(keys) = keys {
        method["jwt"]["jwksURI"] = json!(keys);
    }
    method
}

async fn route(stack: &Stack, name: &str, function: &Function, methods: Vec<Value>) -> anyhow::Result<()> {
    let auth = if methods.is_empty() { json!(null) } else { json!({"methods": methods}) };
    let mut spec = json!({"function": {"name": function.name()}, "auth": auth});
    if spec["auth"].is_null() {
        spec.as_object_mut().map(|spec| spec.remove("auth"));
    }
    stack.route(name, &spec.to_string()).await
}

/// A route without any issuer works, as soon as it would without the slow ones.
async fn another_is_programmed_at_once(stack: &Stack, name: &str, function: &Function) -> anyhow::Result<()> {
    let begun = Instant::now();
    route(stack, name, function, vec![]).await?;
    stack.until(name, "Programmed", "True", "Programmed").await?;
    assert!(begun.elapsed() < AT_ONCE, "it took {:?}", begun.elapsed());
    Ok(())
}

fn has_key(proxy: &Scripted, kid: &str) -> bool {
    let sets = proxy.proxy.key_sets().into_values();
    sets.into_iter().any(|keys| matches!(keys, Keys::Jwks(text) if text.contains(kid)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_eighty_issuers_that_never_answer_keep_nobody_elses_keys_waiting() -> anyhow::Result<()> {
    let (issuer, silent) = (Issuer::start().await?, Silent::start().await?);
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &issuer.authority)?;
    let values = json!({"controller": {"jwks": {"privateRanges": ["127.0.0.0/8"]}}});
    let flags = vec![format!("--jwks-ca-file={}", file.path().display())];
    let shape = Shape { proxies: 0, values, controller_flags: flags, ..Shape::default() };
    let mut stack = Stack::with("slow", shape).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    let function = stack.function(Handler::Echo).await?;
    for number in 0..ROUTES {
        let slow = |method: usize| {
            let issuer = format!("https://127.0.0.1:{}/{number}/{method}", silent.port);
            jwt(&format!("slow-{method}"), &issuer, Some(&format!("{issuer}/jwks")))
        };
        route(&stack, &format!("slow-{number}"), &function, (0..METHODS).map(slow).collect()).await?;
    }
    let all = || silent.taken.load(Ordering::SeqCst) >= 64;
    stack.eventually("every place to be taken twice", async || Ok(all().then_some(()))).await?;

    // This one's keys are found by discovery: it comes after all others in every order but that of who waits.
    route(&stack, "good", &function, vec![jwt("idp", &issuer.url, None)]).await?;
    another_is_programmed_at_once(&stack, "plain", &function).await?;
    let accounts = json!({"name": "pods", "type": "ServiceAccount", "serviceAccount": {"allow": [{"namespace": "web", "name": "checkout"}]}});
    let begun = Instant::now();
    route(&stack, "pods", &function, vec![accounts]).await?;
    stack.until("pods", "Programmed", "True", "Programmed").await?;
    assert!(begun.elapsed() < AT_ONCE, "the cluster's own keys have a place of their own: {:?}", begun.elapsed());
    stack.until("good", "ResolvedRefs", "True", "ResolvedRefs").await?;
    let keys_come = async |kid: String| {
        stack.eventually(&format!("{kid} at the proxy"), async || Ok(has_key(&proxy, &kid).then_some(()))).await
    };
    keys_come(issuer.kid()).await?;
    issuer.rotate()?;
    let set =
        proxy.proxy.key_sets().into_iter().find(|(_, keys)| matches!(keys, Keys::Jwks(text) if text.contains("key-1")));
    proxy.proxy.report_stale(&set.map(|(id, _)| id).unwrap_or_default()).await;
    keys_come(issuer.kid()).await?;

    let before = silent.taken.load(Ordering::SeqCst);
    stack.kill_controller(0).await?;
    stack.free_lease().await?;
    stack.start_controller(0).await?;
    let proxy = stack.scripted_proxy(Answer::Serve).await?;
    another_is_programmed_at_once(&stack, "after", &function).await?;
    stack
        .eventually("the keys under the next leader", async || Ok(has_key(&proxy, &issuer.kid()).then_some(())))
        .await?;
    assert!(silent.taken.load(Ordering::SeqCst) > before, "the slow ones are asked still");
    let condition = stack.until("slow-0", "ResolvedRefs", "False", "KeysUnavailable").await?;
    assert!(condition.message.contains("no complete answer within 5 s"), "{}", condition.message);
    Ok(())
}
