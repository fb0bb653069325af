//! A route's life: made, called, changed, deleted.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::{get, send};
use lambdaroute_tests::stack::Stack;
use serde_json::json;
use sha2::{Digest, Sha256};

#[tokio::test(flavor = "multi_thread")]
async fn a_route_becomes_ready_and_a_plain_call_gets_the_functions_answer() -> anyhow::Result<()> {
    let stack = Stack::start("call").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let route = stack.ready("orders").await?;
    let status = route.status.unwrap_or_default();
    assert_eq!(status.url.as_deref(), Some(format!("http://orders.{}.svc.cluster.local", stack.namespace).as_str()));
    assert_eq!(status.function.as_deref(), Some(function.name()));
    assert_eq!(status.auth.as_deref(), Some("None"));
    assert_eq!(status.targets.len(), 1);
    assert_eq!(status.targets[0].function_url, function.url(None).await?);

    let base = stack.url("orders").await?;
    let answer = get(&format!("{base}/v1/items?b=2&a=1&a=0")).await?;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let seen = answer.json()?;
    assert_eq!(seen["function"], function.name());
    assert_eq!(seen["path"], "/v1/items");
    assert_eq!(seen["query"], "b=2&a=1&a=0");

    let body: Vec<u8> = (0..4 * 1024 * 1024_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let request = Request::post(format!("{base}/upload"))
        .header("content-type", "application/octet-stream")
        .body(Bytes::from(body.clone()))?;
    let seen = send(request).await?.json()?;
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["body"]["size"], body.len());
    assert_eq!(seen["body"]["sha256"], hex::encode(Sha256::digest(&body)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_has_exactly_the_two_statements_of_awss_documentation() -> anyhow::Result<()> {
    let stack = Stack::start("policy").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let mut statements = stack.statements(&function, None).await?;
    let sids: Vec<String> = statements.iter().map(|statement| statement["Sid"].as_str().unwrap_or("").into()).collect();
    for statement in &mut statements {
        statement.as_object_mut().unwrap().remove("Sid");
    }
    let principal = json!({"AWS": stack.principals().proxies.arn});
    assert_eq!(
        statements,
        [
            json!({
                "Effect": "Allow",
                "Principal": principal,
                "Action": "lambda:InvokeFunctionUrl",
                "Resource": function.arn(),
                "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
            }),
            json!({
                "Effect": "Allow",
                "Principal": principal,
                "Action": "lambda:InvokeFunction",
                "Resource": function.arn(),
                "Condition": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
            }),
        ]
    );
    let prefix = format!("lr1-{}-", stack.cluster_id);
    assert!(sids.iter().all(|sid| sid.starts_with(&prefix)), "{sids:?}");
    assert!(sids[0].ends_with("-url"), "{sids:?}");
    assert!(sids[1].contains("-fn-c"), "the fn statement carries the URL config's CreationTime: {sids:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_function_answers_passes_untouched_and_its_failure_is_told_as_its_own() -> anyhow::Result<()> {
    let stack = Stack::start("answers").await?;
    let (status, failing) = tokio::try_join!(stack.function(Handler::Status), stack.function(Handler::Failing))?;
    stack.route("status", &format!("{{function: {{name: {}}}}}", status.name())).await?;
    stack.route("failing", &format!("{{function: {{name: {}}}}}", failing.name())).await?;
    stack.ready("status").await?;
    stack.ready("failing").await?;

    let answer = get(&stack.url("status").await?).await?;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body, "no such order\n");
    assert_eq!(answer.headers["x-order"], "unknown");
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["first=1; Path=/; HttpOnly", "second=2; Path=/; Secure"]);
    assert_eq!(answer.headers.get("proxy-status"), None, "the function's answer is not the proxy's");

    let answer = get(&stack.url("failing").await?).await?;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let proxy_status = answer.headers["proxy-status"].to_str()?.to_owned();
    assert!(proxy_status.contains("function_error"), "{proxy_status}");
    assert_eq!(failing.invocations().await?, 1, "a failed function is not called again");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_routes_have_two_ports_and_each_reaches_its_own_function_whatever_the_host() -> anyhow::Result<()> {
    let stack = Stack::start("two-routes").await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    stack.route("one", &format!("{{function: {{name: {}}}}}", one.name())).await?;
    stack.route("two", &format!("{{function: {{arn: '{}'}}, service: {{port: 8080}}}}", two.arn())).await?;
    stack.ready("one").await?;
    stack.ready("two").await?;
    let (url_one, url_two) = (stack.url("one").await?, stack.url("two").await?);
    assert_ne!(url_one, url_two);
    for (url, function, host) in [(&url_one, &one, "two"), (&url_two, &two, "one")] {
        let request = Request::get(url).header("host", host).body(Bytes::new())?;
        assert_eq!(send(request).await?.json()?["function"], function.name());
    }
    let status = stack.get("two").await?.status.unwrap_or_default();
    assert_eq!(status.url, Some(format!("http://two.{}.svc.cluster.local:8080", stack.namespace)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_caller_sends_reaches_the_signature() -> anyhow::Result<()> {
    let stack = Stack::start("caller-headers").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("{}/a?X-Amz-Signature=forged&keep=1", stack.url("orders").await?))
        .header("host", "other.example")
        .header("authorization", "Bearer of-the-caller")
        .header("x-amz-security-token", "forged")
        .header("x-amz-date", "20200101T000000Z")
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .header("x-amz-invocation-type", "Event")
        .header("connection", "x-hop, authorization")
        .header("x-hop", "secret")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-kept", "yes")
        .body(Bytes::from_static(b"body"))?;
    let answer = send(request).await?;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let seen = answer.json()?;
    let headers = seen["headers"].as_object().unwrap();
    assert_eq!(headers["x-kept"], "yes");
    assert!(!headers.contains_key("x-hop"));
    assert_ne!(headers["x-forwarded-for"], "203.0.113.7", "a caller can't choose its address");
    for (name, value) in headers {
        let value = value.as_str().unwrap_or_default();
        assert!(!value.contains("of-the-caller") && !value.contains("forged"), "{name}: {value}");
    }
    assert_eq!(seen["query"], "keep=1");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_comes_after_its_route_is_found_by_itself() -> anyhow::Result<()> {
    let stack = Stack::start("late").await?;
    let name = stack.function_name();
    stack.route("orders", &format!("{{function: {{name: {name}}}}}")).await?;
    let condition = stack.until("orders", "ResolvedRefs", "False", "FunctionNotFound").await?;
    assert!(condition.message.contains(&name), "{}", condition.message);
    let ready = stack.until("orders", "Ready", "False", "FunctionNotFound").await?;
    assert!(ready.message.starts_with("You: "), "{}", ready.message);
    let function = stack.deploy(&name, Handler::Echo).await?;
    stack.ready("orders").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.json()?["function"], function.name());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_gets_a_url_of_its_own_and_a_changed_alias_takes_the_old_one_back() -> anyhow::Result<()> {
    let stack = Stack::start("alias").await?;
    let function = stack.function(Handler::Echo).await?;
    for alias in ["PROD", "NEXT"] {
        function.alias(alias, &function.publish().await?).await?;
    }
    let spec = |alias: &str| format!("{{function: {{name: {}, qualifier: {alias}}}}}", function.name());
    stack.route("orders", &spec("MISSING")).await?;
    stack.until("orders", "ResolvedRefs", "False", "QualifierNotFound").await?;

    stack.route("orders", &spec("PROD")).await?;
    let route = stack.ready("orders").await?;
    assert_eq!(route.status.unwrap_or_default().function, Some(format!("{}:PROD", function.name())));
    assert_eq!(stack.statements(&function, Some("PROD")).await?.len(), 2);
    assert_eq!(stack.statements(&function, None).await?.len(), 0);
    assert_eq!(function.url(None).await?, None);
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);

    stack.route("orders", &spec("NEXT")).await?;
    stack
        .eventually("the new alias to be up and the old one taken back", async || {
            let status = stack.get("orders").await?.status.unwrap_or_default();
            let only_next =
                status.targets.len() == 1 && status.targets[0].function_arn == function.qualified_arn("NEXT");
            let released = function.url(Some("PROD")).await?.is_none()
                && stack.statements(&function, Some("PROD")).await?.is_empty();
            Ok((only_next && released).then_some(()))
        })
        .await?;
    assert_eq!(stack.statements(&function, Some("NEXT")).await?.len(), 2);
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_leaves_no_url_no_statement_and_no_service() -> anyhow::Result<()> {
    let stack = Stack::start("deletion").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, None);
    assert!(stack.statements(&function, None).await?.is_empty());
    assert!(stack.service("orders").await?.is_none());
    stack.eventually("the port to be closed", async || Ok(get(&url).await.is_err().then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn retain_leaves_the_url_and_the_statements() -> anyhow::Result<()> {
    let stack = Stack::start("retain").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}, deletionPolicy: Retain}}", function.name())).await?;
    stack.ready("orders").await?;
    let url = function.url(None).await?;
    assert!(url.is_some());
    stack.delete("orders").await?;
    assert_eq!(function.url(None).await?, url);
    assert_eq!(stack.statements(&function, None).await?.len(), 2);
    assert!(stack.service("orders").await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_route_serves_on_writes_nothing_in_aws_and_leaves_it_when_deleted() -> anyhow::Result<()> {
    let stack = Stack::start("suspend").await?;
    let function = stack.function(Handler::Echo).await?;
    let spec = |more: &str| format!("{{function: {{name: {}}}{more}}}", function.name());
    stack.route("orders", &spec("")).await?;
    stack.ready("orders").await?;
    stack
        .route(
            "orders",
            &spec(", suspend: true, upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}"),
        )
        .await?;
    stack.until("orders", "Ready", "False", "Suspended").await?;
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    assert_eq!(stack.invoke_mode(&function).await?.as_deref(), Some("BUFFERED"));
    stack.delete("orders").await?;
    assert!(function.url(None).await?.is_some());
    assert_eq!(stack.statements(&function, None).await?.len(), 2);
    Ok(())
}
