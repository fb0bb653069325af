//! The reasons of conditions that no other test brings about: each made to happen, with its message.
//! `tests/source/conditions.rs` holds the closed list against what the tests wait for.

use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation};
use lambdaroute_tests::scripted_proxy;
use lambdaroute_tests::stack::{Shape, Stack};
use serde_json::json;

fn no_proxies() -> Shape {
    Shape { proxies: 0, ..Shape::default() }
}

fn spec(function: &Function) -> String {
    format!("{{function: {{name: {}}}}}", function.name())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_works_says_so_in_every_condition() -> anyhow::Result<()> {
    let stack = Stack::start("works").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.until("orders", "Ready", "True", "Ready").await?;
    stack.until("orders", "Accepted", "True", "Accepted").await?;
    stack.until("orders", "ResolvedRefs", "True", "ResolvedRefs").await?;
    stack.until("orders", "CredentialsReady", "True", "Valid").await?;
    stack.until("orders", "FunctionURLReady", "True", "Synced").await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    stack.until("orders", "Programmed", "True", "Programmed").await?;
    let conditions = stack.get("orders").await?.status.unwrap_or_default().conditions;
    let abnormal = conditions.iter().find(|it| it.type_ == "Reconciling" || it.type_ == "Stalled");
    assert_eq!(abnormal, None, "only while something is under way or stuck");
    stack
        .eventually("the metric of what conditions say", async || {
            let answer = stack.controller_admin(0, "/metrics").await?;
            let metrics = String::from_utf8_lossy(&answer.body).into_owned();
            let says = |condition: &str, status: &str, reason: &str| {
                let labels = format!("condition=\"{condition}\",status=\"{status}\",reason=\"{reason}\"");
                metrics.contains(&format!("lambdaroute_controller_routes{{{labels}}} 1\n"))
            };
            Ok((says("Ready", "True", "Ready") && says("PermissionsReady", "True", "Synced")).then_some(()))
        })
        .await?;
    let controller = stack.controller_admin(0, "/metrics").await?;
    let proxy = stack.proxy_admin(0, "/metrics").await?;
    for (name, answer) in [("controller", controller), ("proxy", proxy)] {
        let metrics = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(metrics.contains(&format!("lambdaroute_{name}_build_info{{version=")), "{metrics}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proxies_lack_is_told() -> anyhow::Result<()> {
    let stack = Stack::with("lacking", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    let condition = stack.until("orders", "Programmed", "False", "NoReadyProxies").await?;
    assert!(condition.message.contains("lambdaroute-proxy"), "{}", condition.message);
    let silent = stack.scripted_proxy(scripted_proxy::Answer::Silence).await?;
    stack.until("orders", "Programmed", "Unknown", "Pending").await?;
    silent.proxy.report_no_credentials("the provider gave none").await;
    let condition = stack.until("orders", "CredentialsReady", "False", "Unavailable").await?;
    assert!(condition.message.contains("IRSA"), "{}", condition.message);
    assert!(condition.message.contains("(the provider gave none)"), "{}", condition.message);
    silent.proxy.report_no_identity("sts:GetCallerIdentity gave no answer in 10s").await;
    let condition = stack.until("orders", "CredentialsReady", "Unknown", "Unidentified").await?;
    assert!(condition.message.contains("gave no answer in 10s"), "{}", condition.message);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_loses_its_credentials_is_told_though_others_have_theirs() -> anyhow::Result<()> {
    let stack = Stack::with("one-lacks", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let proxies = [
        stack.scripted_proxy(scripted_proxy::Answer::Serve).await?,
        stack.scripted_proxy(scripted_proxy::Answer::Serve).await?,
    ];
    let session = stack.principals().proxies.arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/x";
    for proxy in &proxies {
        proxy.proxy.report_identity(&session).await;
    }
    stack.route("orders", &spec(&function)).await?;
    stack.until("orders", "CredentialsReady", "True", "Valid").await?;
    proxies[1].proxy.report_no_credentials("the provider gave none").await;
    let condition = stack.until("orders", "CredentialsReady", "False", "Unavailable").await?;
    assert!(condition.message.starts_with("some of the proxies"), "{}", condition.message);
    proxies[1].proxy.report_identity(&session).await;
    stack.until("orders", "CredentialsReady", "True", "Valid").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_room_for_another_target_is_told_before_anything_is_written() -> anyhow::Result<()> {
    let mut stack = Stack::with("no-room", Shape { controllers: 0, ..no_proxies() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    let targets = |count: usize| {
        let targets: Vec<_> =
            (0..count).map(|n| json!({"functionARN": format!("{}:a{n}", function.arn()), "state": "Active"})).collect();
        json!({"status": {"targets": targets}})
    };
    stack.patch_status("orders", &targets(8)).await?;
    stack.add_controller().await?;
    let condition = stack.until("orders", "Accepted", "False", "UnsupportedValue").await?;
    assert!(condition.message.contains("status.targets"), "{}", condition.message);
    stack.until("orders", "Ready", "False", "UnsupportedValue").await?;
    assert_eq!(stack.aws.count(&Match::aws_writes().function(function.name())), 0);
    stack.patch_status("orders", &targets(7)).await?;
    stack.until("orders", "FunctionURLReady", "True", "Synced").await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_refuses_of_the_permissions_is_told_apart_from_the_url() -> anyhow::Result<()> {
    let stack = Stack::with("permissions", no_proxies()).await?;
    let adds = |function: &Function| Match::operation(Operation::AddPermission).function(function.name());
    for (answer, reason) in [
        (Answer::access_denied(&stack.principals().controller.arn, "lambda:AddPermission", "*"), "AccessDenied"),
        (Answer::throttled(), "Throttled"),
        (Answer::unavailable(), "Unreachable"),
    ] {
        let function = stack.function(Handler::Echo).await?;
        let name = reason.to_lowercase();
        let refused = stack.aws.on(adds(&function)).answer(answer);
        stack.route(&name, &spec(&function)).await?;
        let condition = match reason {
            "AccessDenied" => stack.until(&name, "PermissionsReady", "False", "AccessDenied").await?,
            "Throttled" => stack.until(&name, "PermissionsReady", "False", "Throttled").await?,
            _ => stack.until(&name, "PermissionsReady", "False", "Unreachable").await?,
        };
        assert!(condition.message.contains("lambda:AddPermission"), "{}", condition.message);
        assert!(refused.count() > 0);
        drop(refused);
        stack.until(&name, "PermissionsReady", "True", "Synced").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_cannot_be_read_is_unreachable_and_one_that_is_not_made_is_pending() -> anyhow::Result<()> {
    let stack = Stack::with("unread", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let reads = Match::operation(Operation::GetFunctionUrlConfig).function(function.name());
    let failing = stack.aws.on(reads).answer(Answer::service_exception());
    stack.route("orders", &spec(&function)).await?;
    let condition = stack.until("orders", "FunctionURLReady", "False", "Unreachable").await?;
    assert!(condition.message.contains("lambda:GetFunctionUrlConfig"), "{}", condition.message);
    drop(failing);
    stack.until("orders", "FunctionURLReady", "True", "Synced").await?;
    stack.route("early", &format!("{{function: {{name: {}}}}}", stack.function_name())).await?;
    stack.until("early", "ResolvedRefs", "False", "FunctionNotFound").await?;
    stack.until("early", "FunctionURLReady", "Unknown", "Pending").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_that_disagree_about_one_url_are_told_and_nothing_disputed_is_written() -> anyhow::Result<()> {
    let stack = Stack::with("disagree", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("first", &spec(&function)).await?;
    stack.until("first", "FunctionURLReady", "True", "Synced").await?;
    let streaming = "upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}";
    stack.route("second", &format!("{{function: {{name: {}}}, {streaming}}}", function.name())).await?;
    stack.until("second", "Accepted", "False", "Conflicted").await?;
    assert_eq!(stack.invoke_mode(&function).await?.as_deref(), Some("BUFFERED"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn before_aws_says_who_the_controller_is_nothing_is_judged() -> anyhow::Result<()> {
    let mut stack = Stack::with("nobody", Shape { controllers: 0, ..no_proxies() }).await?;
    let silent = stack.aws.on(Match::operation(Operation::Sts)).answer(Answer::unavailable());
    stack.add_controller().await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.until("orders", "Accepted", "Unknown", "Pending").await?;
    stack.until("orders", "ResolvedRefs", "Unknown", "Pending").await?;
    stack.until("orders", "PermissionsReady", "Unknown", "Pending").await?;
    assert_eq!(stack.aws.count(&Match::aws_writes()), 0);
    drop(silent);
    stack.until("orders", "FunctionURLReady", "True", "Synced").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_of_another_account_or_a_changed_region_is_refused_before_any_write() -> anyhow::Result<()> {
    let mut stack = Stack::with("elsewhere", Shape { controllers: 0, ..no_proxies() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let other = function.arn().replace(lambdaroute_tests::emulator::ACCOUNT, "999999999999");
    stack.route("account", &format!("{{function: {{arn: '{other}'}}}}")).await?;
    stack.route("region", &spec(&function)).await?;
    // As a controller of another default Region would have left it.
    let former = function.arn().replace(lambdaroute_tests::emulator::REGION, "us-east-1");
    let targets = json!({"status": {"targets": [{"functionARN": former, "state": "Active"}]}});
    stack.patch_status("region", &targets).await?;
    stack.add_controller().await?;
    let condition = stack.until("account", "Accepted", "False", "UnsupportedValue").await?;
    assert!(condition.message.contains("999999999999"), "{}", condition.message);
    let condition = stack.until("region", "Accepted", "False", "TargetChanged").await?;
    assert!(condition.message.contains("us-east-1"), "{}", condition.message);
    assert_eq!(stack.aws.count(&Match::aws_writes()), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_under_way_is_pending_and_one_that_aws_refuses_is_blocked() -> anyhow::Result<()> {
    let stack = Stack::with("going", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &spec(&function)).await?;
    stack.until("orders", "PermissionsReady", "True", "Synced").await?;
    let deletes = Match::operation(Operation::DeleteFunctionUrlConfig).function(function.name());
    let held = stack.aws.on(deletes.clone()).hold_before();
    let who = &stack.principals().controller.arn;
    let denied =
        stack.aws.on(deletes).answer(Answer::access_denied(who, "lambda:DeleteFunctionUrlConfig", &function.arn()));
    stack.begin_delete("orders").await?;
    held.arrived().await?;
    stack.until("orders", "Ready", "Unknown", "Pending").await?;
    held.release();
    let condition = stack.until("orders", "Ready", "False", "DeletionBlocked").await?;
    for part in ["lambda:DeleteFunctionUrlConfig", "lambdaroute.dev/force-delete"] {
        assert!(condition.message.contains(part), "{}", condition.message);
    }
    drop(denied);
    stack.gone("orders").await?;
    assert_eq!(function.url(None).await?, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_would_be_too_large_is_told_and_nothing_of_it_is_written() -> anyhow::Result<()> {
    let stack = Stack::with("large", no_proxies()).await?;
    let function = stack.function(Handler::Echo).await?;
    let mut others = 0;
    // Until AWS takes no more: 20,480 bytes are some eighty of these.
    while stack.add_foreign_statement(&function, &format!("theirs-{others:093}")).await.is_ok() {
        others += 1;
    }
    assert!((50..200).contains(&others), "{others} statements fill a policy");
    stack.route("orders", &spec(&function)).await?;
    let condition = stack.until("orders", "PermissionsReady", "False", "PolicyTooLarge").await?;
    assert!(condition.message.contains("20,480") || condition.message.contains("20480"), "{}", condition.message);
    assert_eq!(stack.statements(&function, None).await?.len(), others);
    assert_eq!(function.url(None).await?, None, "a URL that nobody could call isn't made");
    Ok(())
}
