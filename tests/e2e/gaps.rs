//! No gap for callers: requests go on through every endpoint that a route has while its manifest, its controller and its neighbours
//! change, and each is answered by the route's own function.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::StatusCode;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};
use tokio::task::JoinHandle;

/// So many requests before and after each change.
const ENOUGH: usize = 10;

/// Callers of a route at all its proxies, one request after another at each.
struct Callers {
    ends: Arc<AtomicBool>,
    right: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<Vec<String>>>,
}

impl Callers {
    async fn start(stack: &Stack, route: &str, function: &Function) -> anyhow::Result<Self> {
        let (ends, right) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut callers = Vec::new();
        for proxy in 0..stack.proxies() {
            let url = stack.url_at(route, proxy).await?;
            let (ends, right, name) = (ends.clone(), right.clone(), function.name().to_owned());
            callers.push(tokio::spawn(async move {
                let mut wrong = Vec::new();
                while !ends.load(Ordering::SeqCst) {
                    match get(&url).await {
                        Ok(answer)
                            if answer.status == StatusCode::OK
                                // A streaming URL gives the handler's own words, not what they say.
                                && String::from_utf8_lossy(&answer.body).contains(&name) =>
                        {
                            right.fetch_add(1, Ordering::SeqCst);
                        }
                        other => wrong.push(format!("{url}: {other:?}")),
                    }
                }
                wrong
            }));
        }
        Ok(Self { ends, right, callers })
    }

    /// Waits for some more right answers.
    async fn go_on(&self, stack: &Stack) -> anyhow::Result<()> {
        let goal = self.right.load(Ordering::SeqCst) + ENOUGH;
        let enough = async || Ok((self.right.load(Ordering::SeqCst) >= goal).then_some(()));
        stack.eventually("callers to get answers", enough).await
    }

    /// Ends them; what they got but right answers.
    async fn end(self) -> anyhow::Result<Vec<String>> {
        self.ends.store(true, Ordering::SeqCst);
        let mut wrong = Vec::new();
        for caller in self.callers {
            wrong.extend(caller.await?);
        }
        Ok(wrong)
    }
}

/// Every proxy is in the slices.
async fn everywhere(stack: &Stack, route: &str) -> anyhow::Result<()> {
    stack
        .eventually("an endpoint at each proxy", async || {
            Ok((stack.endpoints(route).await?.len() == stack.proxies()).then_some(()))
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_notice_no_change_of_the_manifest_that_keeps_them_in() -> anyhow::Result<()> {
    let stack = Stack::start("unbroken").await?;
    stack.allow(&["Grants", "PublicURL"]).await?;
    let function = stack.function(Handler::Echo).await?;
    let version = function.publish().await?;
    for alias in ["PROD", "NEXT"] {
        function.alias(alias, &version).await?;
    }
    let spec =
        |alias: &str, rest: &str| format!("{{function: {{arn: '{}', qualifier: {alias}}}{rest}}}", function.arn());
    stack.route("orders", &spec("PROD", "")).await?;
    stack.ready("orders").await?;
    everywhere(&stack, "orders").await?;
    let callers = Callers::start(&stack, "orders", &function).await?;
    callers.go_on(&stack).await?;
    let streaming = ", upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}";
    let grant = ", permissions: {grants: [{name: partner, principal: '444455556666'}]}";
    let limited = ", concurrency: {max: 500}";
    for (alias, rest) in
        [("PROD", streaming), ("PROD", ""), ("PROD", grant), ("NEXT", grant), ("NEXT", limited), ("PROD", "")]
    {
        stack.route("orders", &spec(alias, rest)).await?;
        stack.ready("orders").await?;
        stack.settled("orders").await?;
        callers.go_on(&stack).await?;
    }
    let wrong = callers.end().await?;
    assert!(wrong.is_empty(), "{} answers weren't right: {:#?}", wrong.len(), wrong.first());
    assert_eq!(function.url(Some("NEXT")).await?, None, "the alias that was left is taken back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_notice_neither_other_routes_on_the_function_nor_the_end_of_a_controller() -> anyhow::Result<()> {
    let mut stack = Stack::with("neighbours", Shape { controllers: 2, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = format!("{{function: {{name: {}}}}}", function.name());
    stack.route("first", &spec).await?;
    stack.ready("first").await?;
    stack.route("orders", &spec).await?;
    stack.ready("orders").await?;
    everywhere(&stack, "orders").await?;
    let callers = Callers::start(&stack, "orders", &function).await?;
    callers.go_on(&stack).await?;
    // The route that made the URL goes, and another one comes in dispute.
    stack.delete("first").await?;
    callers.go_on(&stack).await?;
    let other = "upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}";
    stack.route("disputes", &format!("{{function: {{name: {}}}, {other}}}", function.name())).await?;
    stack.until("disputes", "Accepted", "False", "Conflicted").await?;
    callers.go_on(&stack).await?;
    let leader = stack.leader().await?;
    stack.kill_controller(leader).await?;
    stack
        .eventually("the other controller to lead", async || Ok((stack.leader().await? != leader).then_some(())))
        .await?;
    stack.delete("disputes").await?;
    callers.go_on(&stack).await?;
    let wrong = callers.end().await?;
    assert!(wrong.is_empty(), "{} answers weren't right: {:#?}", wrong.len(), wrong.first());
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_dont_notice_that_a_url_goes_public() -> anyhow::Result<()> {
    let stack = Stack::start("public-unbroken").await?;
    stack.allow(&["PublicURL"]).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    everywhere(&stack, "orders").await?;
    let callers = Callers::start(&stack, "orders", &function).await?;
    callers.go_on(&stack).await?;
    let public = format!(
        "{{function: {{name: {}}}, upstream: {{type: FunctionURL, functionURL: {{authType: NONE}}}}, \
          permissions: {{grants: [{{name: all, principal: '*'}}]}}}}",
        function.name()
    );
    stack.route("orders", &public).await?;
    stack.ready("orders").await?;
    callers.go_on(&stack).await?;
    let wrong = callers.end().await?;
    assert!(wrong.is_empty(), "{} answers weren't right: {:#?}", wrong.len(), wrong.first());
    Ok(())
}
