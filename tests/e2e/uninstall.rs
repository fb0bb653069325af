//! What runs before `helm uninstall` deletes anything: it takes everything back, names what it can't, and nothing hangs. A fresh
//! install brings every route back.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use lambdaroute_crds::FINALIZER;
use lambdaroute_tests::emulator::REGION;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation, Seen};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack, Uninstalled};
use serde_json::Value;

async fn without_proxies(name: &str) -> anyhow::Result<Stack> {
    Stack::with(name, Shape { proxies: 0, ..Shape::default() }).await
}

/// A route that has all that it needs in AWS.
async fn route(stack: &Stack, name: &str, function: &Function, more: &str) -> anyhow::Result<()> {
    stack.route(name, &format!("{{function: {{name: {}}}{more}}}", function.name())).await?;
    stack.until(name, "PermissionsReady", "True", "Synced").await?;
    Ok(())
}

/// Uninstalls, where the controller ends as its Pod would.
async fn uninstall(stack: &mut Stack, own: &[&str]) -> anyhow::Result<Uninstalled> {
    stack.scale(1).await?;
    let uninstalling = stack.begin_uninstall(own).await?;
    stack
        .eventually("no controller to be asked for", async || Ok((stack.replicas().await? == 0).then_some(())))
        .await?;
    stack.stop_controller(0).await?;
    uninstalling.ended().await
}

async fn held(stack: &Stack, name: &str) -> anyhow::Result<bool> {
    Ok(stack.get(name).await?.finalizers().iter().any(|finalizer| finalizer == FINALIZER))
}

/// What Kubernetes gave the Service: who has its address goes on with it.
async fn service(stack: &Stack, name: &str) -> anyhow::Result<(Option<String>, Option<String>, u16)> {
    let service: Service = stack.service(name).await?.unwrap();
    let uid = service.uid();
    Ok((uid, service.spec.and_then(|spec| spec.cluster_ip), stack.port(name).await?))
}

fn sids(statements: &[Value]) -> Vec<&str> {
    statements.iter().filter_map(|statement| statement["Sid"].as_str()).collect()
}

fn succeeded(uninstalled: &Uninstalled, says: &[&str]) {
    assert!(uninstalled.status.success(), "{uninstalled:?}");
    for text in says {
        assert!(uninstalled.output.contains(text), "{text:?} is missing: {}", uninstalled.output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_ours_is_left_and_a_fresh_install_brings_every_route_back() -> anyhow::Result<()> {
    let mut stack = Stack::start("taken-back").await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    stack.add_foreign_statement(&one, "theirs").await?;
    let routes = [("orders", &one), ("again", &one), ("items", &two)];
    for (name, function) in routes {
        stack.route(name, &format!("{{function: {{name: {}}}}}", function.name())).await?;
    }
    let mut services = Vec::new();
    for (name, _) in routes {
        stack.ready(name).await?;
        services.push(service(&stack, name).await?);
    }

    stack.scale(2).await?;
    let first = stack.aws.on(Match::aws_writes()).once().hold_before();
    let uninstalling = stack.begin_uninstall(&[]).await?;
    stack
        .eventually("no controller to be asked for", async || Ok((stack.replicas().await? == 0).then_some(())))
        .await?;
    stack.stop_controller(0).await?;
    first.arrived().await?;
    for (name, _) in routes {
        assert_eq!(stack.endpoints(name).await?, Vec::<String>::new(), "callers are refused before AWS refuses them");
    }
    first.release();
    let uninstalled = uninstalling.ended().await?;
    succeeded(&uninstalled, &["LambdaRoutes let go: 3", "Functions taken back in AWS: 2"]);
    assert!(!uninstalled.output.contains("Left in AWS"), "{}", uninstalled.output);

    for (name, function) in routes {
        assert_eq!(function.url(None).await?, None);
        assert!(!held(&stack, name).await?, "{name} could never be deleted");
        let status = stack.get(name).await?.status.unwrap();
        assert_eq!((status.targets, status.programmed_digest), (vec![], None), "nothing that isn't so any more");
        assert_eq!(status.observed_generation, Some(-1), "nobody has seen it");
        let [ready] = &status.conditions[..] else { panic!("{:?}", status.conditions) };
        assert_eq!((&*ready.type_, &*ready.status), ("Ready", "Unknown"));
        assert!(ready.message.contains("was uninstalled"), "{}", ready.message);
        assert_eq!(stack.endpoints(name).await?, Vec::<String>::new());
    }
    assert_eq!(sids(&stack.statements(&one, None).await?), ["theirs"]);
    assert!(stack.statements(&two, None).await?.is_empty());
    assert_eq!(stack.replicas().await?, 0);

    stack.start_controller(0).await?;
    for ((name, function), before) in routes.into_iter().zip(services) {
        stack.ready(name).await?;
        assert!(held(&stack, name).await?);
        assert_eq!(service(&stack, name).await?, before, "its callers may have the address still");
        let url = stack.url(name).await?;
        assert_eq!(get(&url).await?.status, StatusCode::OK);
        let foreign = usize::from(function.name() == one.name());
        assert_eq!(stack.statements(function, None).await?.len(), 2 + foreign);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_refuses_is_named_with_the_way_out_and_holds_nothing_up() -> anyhow::Result<()> {
    let mut stack = without_proxies("refused").await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    route(&stack, "orders", &one, "").await?;
    route(&stack, "items", &two, "").await?;
    stack.settled("orders").await?;
    let controller = &stack.principals().controller.arn;
    let denied = stack
        .aws
        .on(Match::operation(Operation::DeleteFunctionUrlConfig).function(one.name()))
        .answer(Answer::access_denied(controller, "lambda:DeleteFunctionUrlConfig", &one.arn()));
    let begun = Instant::now();
    let uninstalled = uninstall(&mut stack, &["--time-limit=4s"]).await?;
    assert!(begun.elapsed() < Duration::from_secs(40), "it took {:?}", begun.elapsed());
    let url = one.url(None).await?.unwrap();
    let statements = stack.statements(&one, None).await?;
    let place = format!("--region {REGION} --function-name {}", one.name());
    succeeded(
        &uninstalled,
        &[
            "Functions taken back in AWS: 1",
            &format!("Left in AWS, of {} (lambda:DeleteFunctionUrlConfig failed: AccessDeniedException", one.arn()),
            &format!("{url}: aws lambda delete-function-url-config {place}\n"),
        ],
    );
    assert_eq!(statements.len(), 1, "the proof that the URL is ours stays with it, and nothing else");
    for sid in sids(&statements) {
        let line = format!("  {sid}: aws lambda remove-permission {place} --statement-id {sid}\n");
        assert!(uninstalled.output.contains(&line), "{line} is missing: {}", uninstalled.output);
    }
    let note = stack.event("orders", "LeftBehind").await?.note.unwrap_or_default();
    assert!(note.contains(&url) && note.contains("AccessDenied"), "{note}");
    let status = stack.get("orders").await?.status.unwrap();
    assert!(status.conditions[0].message.contains(&format!("left in AWS: of {}", one.arn())), "{status:?}");
    assert!(!status.conditions[0].message.contains("AccessDenied"), "AWS's words change with every try");
    let [target] = &status.targets[..] else { panic!("a later install wouldn't know where to look") };
    assert_eq!((&target.function_url, &target.last_sync_time), (&None, &None), "nobody knows what is there");
    assert_eq!(two.url(None).await?, None);
    for name in ["orders", "items"] {
        assert!(!held(&stack, name).await?);
    }

    drop(denied);
    stack.start_controller(0).await?;
    for (name, function) in [("orders", &one), ("items", &two)] {
        stack.until(name, "PermissionsReady", "True", "Synced").await?;
        stack.settled(name).await?;
        assert_eq!(stack.statements(function, None).await?.len(), 2);
    }
    assert_eq!(one.url(None).await?, Some(url), "what was left is known for ours");
    for (name, function) in [("orders", &one), ("items", &two)] {
        stack.delete(name).await?;
        assert_eq!(function.url(None).await?, None);
        assert!(stack.statements(function, None).await?.is_empty());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_aws_refuses_to_take_back_holds_no_other_up() -> anyhow::Result<()> {
    let mut stack = without_proxies("one-refused").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    stack.settled("orders").await?;
    let statements = stack.statements(&function, None).await?;
    // The one with the mark goes last.
    let refused = *sids(&statements).iter().find(|sid| sid.ends_with("-url") || sid.ends_with("-fn")).unwrap();
    let controller = &stack.principals().controller.arn;
    let denied = stack
        .aws
        .on(Match::operation(Operation::RemovePermission).function(function.name()).path_contains(refused))
        .answer(Answer::access_denied(controller, "lambda:RemovePermission", &function.arn()));
    let uninstalled = uninstall(&mut stack, &["--time-limit=4s"]).await?;
    drop(denied);
    assert_eq!(function.url(None).await?, None);
    assert_eq!(sids(&stack.statements(&function, None).await?), [refused], "what may go goes");
    let place = format!("--region {REGION} --function-name {}", function.name());
    succeeded(
        &uninstalled,
        &[
            "Functions taken back in AWS: 0",
            &format!("Left in AWS, of {} (lambda:RemovePermission failed: AccessDeniedException", function.arn()),
            &format!("  {refused}: aws lambda remove-permission {place} --statement-id {refused}\n"),
        ],
    );
    assert!(!held(&stack, "orders").await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_without_credentials_goes_all_the_same() -> anyhow::Result<()> {
    let mut stack = without_proxies("no-credentials").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    stack.settled("orders").await?;
    let url = function.url(None).await?.unwrap();
    stack.stop_controller(0).await?;
    let refusal =
        Answer::aws_error(StatusCode::FORBIDDEN, "UnrecognizedClientException", "The security token is invalid");
    let refused = stack.aws.on(Match::any()).answer(refusal);
    let uninstalled = stack.uninstall(&["--time-limit=3s"]).await?;
    drop(refused);
    let place = format!("--region {REGION} --function-name {}", function.name());
    succeeded(
        &uninstalled,
        &[
            &format!("Left in AWS, of {} (sts:GetCallerIdentity failed", function.arn()),
            &format!("{url}: aws lambda delete-function-url-config {place}\n"),
            &format!("lr1-{}-", stack.cluster_id),
            &format!("as shown by aws lambda get-policy {place}"),
        ],
    );
    assert!(!held(&stack, "orders").await?);
    assert_eq!(stack.statements(&function, None).await?.len(), 2, "nothing was touched");
    stack.routes().delete("orders", &kube::api::DeleteParams::default()).await?;
    stack.gone("orders").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_manifest_keeps_stays_whoever_else_is_on_the_function() -> anyhow::Result<()> {
    let mut stack = Stack::with("kept", Shape { proxies: 1, ..Shape::default() }).await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let spec = |function: &Function, more: &str| format!("{{function: {{name: {}}}{more}}}", function.name());
    stack.route("retained", &spec(&one, ", deletionPolicy: Retain")).await?;
    stack.route("beside", &spec(&one, "")).await?;
    stack.route("suspended", &spec(&two, "")).await?;
    for name in ["retained", "beside", "suspended"] {
        stack.ready(name).await?;
        stack.settled(name).await?;
    }
    stack.route("suspended", &spec(&two, ", suspend: true")).await?;
    stack.until("suspended", "Ready", "False", "Suspended").await?;
    let urls = (one.url(None).await?, two.url(None).await?);
    let writes = stack.aws.count(&Match::aws_writes());
    let uninstalled = uninstall(&mut stack, &[]).await?;
    succeeded(
        &uninstalled,
        &["LambdaRoutes let go: 3", "Kept in AWS", "/retained: arn:aws:lambda:", "/suspended: arn:aws:lambda:"],
    );
    assert!(!uninstalled.output.contains("/beside"), "{}", uninstalled.output);
    assert_eq!(stack.aws.count(&Match::aws_writes()), writes);
    assert_eq!((one.url(None).await?, two.url(None).await?), urls);
    for (name, targets) in [("retained", 1), ("suspended", 1), ("beside", 0)] {
        assert!(!held(&stack, name).await?);
        assert_eq!(stack.get(name).await?.status.unwrap().targets.len(), targets, "{name}");
        assert_eq!(stack.endpoints(name).await?, Vec::<String>::new());
    }

    stack.start_controller(0).await?;
    for name in ["retained", "beside"] {
        stack.ready(name).await?;
    }
    stack.until("suspended", "Ready", "False", "Suspended").await?;
    for name in ["retained", "beside", "suspended"] {
        let url = stack.url(name).await?;
        assert_eq!(get(&url).await?.status, StatusCode::OK, "{name} is served as before");
    }
    assert_eq!(stack.aws.count(&Match::aws_writes()), writes, "nothing was lost");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_under_way_comes_to_its_end() -> anyhow::Result<()> {
    let mut stack = without_proxies("under-way").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    let controller = &stack.principals().controller.arn;
    let denied = stack
        .aws
        .on(Match::operation(Operation::DeleteFunctionUrlConfig).function(function.name()))
        .answer(Answer::access_denied(controller, "lambda:DeleteFunctionUrlConfig", &function.arn()));
    stack.begin_delete("orders").await?;
    stack.until("orders", "Ready", "False", "DeletionBlocked").await?;
    stack.stop_controller(0).await?;
    drop(denied);
    let uninstalled = stack.uninstall(&[]).await?;
    succeeded(&uninstalled, &["LambdaRoutes let go: 1", "Functions taken back in AWS: 1"]);
    stack.gone("orders").await?;
    assert_eq!(function.url(None).await?, None);
    assert!(stack.statements(&function, None).await?.is_empty());
    stack.eventually("its Service to go", async || Ok(stack.service("orders").await?.is_none().then_some(()))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_controller_that_holds_on_fails_it_before_anything_is_changed() -> anyhow::Result<()> {
    let stack = without_proxies("holds-on").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    let writes = stack.aws.count(&Match::aws_writes());
    stack.scale(2).await?;
    let uninstalled = stack.uninstall(&["--lead-within=12s"]).await?;
    assert!(!uninstalled.status.success(), "Helm would go on: {}", uninstalled.output);
    for says in ["LambdaRoute is still installed", "controller-0_", "holds it", "helm uninstall --no-hooks", FINALIZER]
    {
        assert!(uninstalled.output.contains(says), "{says:?} is missing: {}", uninstalled.output);
    }
    assert_eq!(stack.replicas().await?, 2, "the installation is as it was");
    assert!(held(&stack, "orders").await?);
    assert_eq!(stack.aws.count(&Match::aws_writes()), writes);
    Ok(())
}

fn failed(uninstalled: &Uninstalled, says: &[&str]) {
    assert!(!uninstalled.status.success(), "Helm would go on: {}", uninstalled.output);
    for text in ["LambdaRoute is still installed", "helm uninstall --no-hooks"].iter().chain(says) {
        assert!(uninstalled.output.contains(text), "{text:?} is missing: {}", uninstalled.output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_end_the_controllers_nothing_is_changed() -> anyhow::Result<()> {
    let stack = Stack::with("no-right", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    stack.settled("orders").await?;
    stack.scale(2).await?;
    let writes = stack.aws.count(&Match::aws_writes());
    let endpoints = stack.endpoints("orders").await?;
    let uninstalled = stack.begin_uninstall_without_rights(&[])?.ended().await?;
    failed(&uninstalled, &["can't be scaled to 0", "deployments/scale", "forbidden"]);
    assert_eq!(stack.replicas().await?, 2);
    assert_eq!(stack.endpoints("orders").await?, endpoints, "its callers notice nothing");
    assert_eq!(stack.aws.count(&Match::aws_writes()), writes);
    assert!(held(&stack, "orders").await?);
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cant_read_the_cluster_says_what_and_the_controllers_come_back() -> anyhow::Result<()> {
    let mut stack = Stack::with("unread", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    stack.settled("orders").await?;
    let writes = stack.aws.count(&Match::aws_writes());
    let before = stack.endpoints("orders").await?;
    // Whole objects: whether there are any routes is asked before, without them.
    let lists = |what: &str| {
        let whole = |seen: &Seen| !seen.header("accept").is_some_and(|accept| accept.contains("PartialObjectMetadata"));
        Match::any().method(Method::GET).path_contains(what).when("a list", whole)
    };
    for (what, refused, emptied) in [
        ("endpointslices", "EndpointSlices can't be listed", false),
        ("lambdaroutes", "LambdaRoutes can't be listed", true),
    ] {
        stack.scale(1).await?;
        let uninstalling = stack.begin_uninstall(&[]).await?;
        stack
            .eventually("no controller to be asked for", async || Ok((stack.replicas().await? == 0).then_some(())))
            .await?;
        let forbidden = stack.api.on(lists(what)).answer(Answer::kubernetes(StatusCode::FORBIDDEN, "Forbidden"));
        stack.stop_controller(0).await?;
        let uninstalled = uninstalling.ended().await?;
        drop(forbidden);
        failed(&uninstalled, &["the cluster can't be read", refused]);
        assert_eq!(stack.replicas().await?, 1, "the controllers run again");
        assert_eq!(stack.endpoints("orders").await?.is_empty(), emptied);
        assert!(held(&stack, "orders").await?);
        assert_eq!(stack.aws.count(&Match::aws_writes()), writes);
        assert_eq!(stack.lease_holder().await?, None, "the next one needn't wait for the Lease's end");

        stack.start_controller(0).await?;
        stack
            .eventually("its callers to be served", async || {
                Ok((stack.endpoints("orders").await? == before).then_some(()))
            })
            .await?;
        stack.ready("orders").await?;
        assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_url_that_another_cluster_uses_stays_and_is_named() -> anyhow::Result<()> {
    let (mut ours, theirs) = tokio::try_join!(without_proxies("goes"), Stack::start("goes-on"))?;
    let function = ours.function(Handler::Echo).await?;
    route(&ours, "orders", &function, "").await?;
    ours.settled("orders").await?;
    let url = function.url(None).await?;
    theirs.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    theirs.ready("orders").await?;
    let uninstalled = uninstall(&mut ours, &[]).await?;
    succeeded(
        &uninstalled,
        &[
            "LambdaRoutes let go: 1",
            &format!(
                "Function URLs that stay, since other clusters use them:\n  {}: {}\n",
                function.arn(),
                theirs.cluster_id
            ),
        ],
    );
    assert!(!uninstalled.output.contains("Left in AWS"), "{}", uninstalled.output);
    assert_eq!(function.url(None).await?, url);
    let statements = ours.statements(&function, None).await?;
    assert_eq!(statements.len(), 2);
    assert!(sids(&statements).iter().all(|sid| sid.contains(&theirs.cluster_id)), "{statements:?}");
    assert!(!held(&ours, "orders").await?);
    assert_eq!(ours.get("orders").await?.status.unwrap().targets, vec![]);
    theirs.ready("orders").await?;
    assert_eq!(get(&theirs.url("orders").await?).await?.status, StatusCode::OK);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_was_applied_and_not_begun_by_who_installed_takes_nothing_away() -> anyhow::Result<()> {
    let stack = without_proxies("applied").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    stack.scale(1).await?;
    let writes = stack.aws.count(&Match::aws_writes());
    for wanted in ["argocd.argoproj.io/tracking-id", "meta.helm.sh/release-name=other"] {
        let uninstalled = stack.uninstall(&[&format!("--require-annotation={wanted}")]).await?;
        assert!(!uninstalled.status.success(), "it looks as if it was done: {}", uninstalled.output);
        for says in ["LambdaRoute is still installed", wanted, "uninstall.enabled=false"] {
            assert!(uninstalled.output.contains(says), "{says:?} is missing: {}", uninstalled.output);
        }
        assert!(!uninstalled.output.contains("Run helm uninstall again"), "{}", uninstalled.output);
    }
    assert_eq!(stack.replicas().await?, 1, "the controllers weren't even told to end");
    assert!(held(&stack, "orders").await?);
    assert_eq!(stack.aws.count(&Match::aws_writes()), writes);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_between_two_writes_is_ended_by_the_next() -> anyhow::Result<()> {
    let mut stack = without_proxies("killed").await?;
    let function = stack.function(Handler::Echo).await?;
    route(&stack, "orders", &function, "").await?;
    stack.stop_controller(0).await?;
    let second = stack.aws.on(Match::operation(Operation::RemovePermission)).once().hold_before();
    let first = stack.begin_uninstall(&[]).await?;
    second.arrived().await?;
    first.kill()?;
    second.release();
    assert!(held(&stack, "orders").await?, "it is let go once AWS is clean");
    let once = stack.api.on(Match::any().method(Method::GET).path_contains("/services")).once().drop_before();
    let uninstalled = stack.uninstall(&[]).await?;
    assert_eq!(once.count(), 1, "an API server that is away for a moment ends nothing");
    succeeded(&uninstalled, &["LambdaRoutes let go: 1", "Functions taken back in AWS: 1"]);
    assert_eq!(function.url(None).await?, None);
    assert!(stack.statements(&function, None).await?.is_empty());
    assert!(!held(&stack, "orders").await?);
    Ok(())
}
