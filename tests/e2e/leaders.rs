//! Who may write: the API server goes and comes back, a leader dies, and a leader that stood still wakes up when another one
//! leads.
//!
//! A leader that is paused is stopped by SIGSTOP: it knows nothing of the time that passes, as a process on a frozen machine.
//! What it had sent before is held at the gate, as AWS or the network could.

use std::time::Duration;

use anyhow::Context;
use http::{Method, StatusCode};
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::gate::{Held, Match, Operation};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack};

/// The stack's own `--lease-duration`, and the steps in which a Lease is looked at, twice, with room for a busy machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(8 + 6);
/// Often enough that a late write is found while a test waits.
const LOOKS_OFTEN: &str = "--drift-interval=3s";

async fn two_controllers(name: &str) -> anyhow::Result<Stack> {
    let flags = vec![LOOKS_OFTEN.to_owned()];
    Stack::with(name, Shape { controllers: 2, proxies: 1, controller_flags: flags, ..Shape::default() }).await
}

/// Pauses the leader and waits until the other one leads; answers the paused one.
async fn pause_until_another_leads(stack: &mut Stack) -> anyhow::Result<usize> {
    let paused = stack.leader().await?;
    stack.pause_controller(paused)?;
    stack
        .eventually("the other controller to lead", async || Ok((stack.leader().await? != paused).then_some(())))
        .await?;
    Ok(paused)
}

/// What the API server or AWS answered in the end to the call that was held.
async fn answered(stack: &Stack, held: Held, of: &Match, in_aws: bool) -> anyhow::Result<StatusCode> {
    let gate = if in_aws { &stack.aws } else { &stack.api };
    let open = || gate.calls_of(of).into_iter().filter(|call| call.status.is_none()).count();
    let index = gate.calls_of(of).iter().position(|call| call.status.is_none()).context("nothing is held")?;
    held.release();
    stack.eventually("an answer to what was held", async || Ok((open() == 0).then_some(()))).await?;
    gate.calls_of(of)[index].status.context("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_outlive_an_api_server_that_stops_and_comes_back_with_its_data() -> anyhow::Result<()> {
    // An API server that others need can't be stopped: this test has one of its own, for as long as the process lives.
    let environment: &'static Environment = Box::leak(Box::new(Environment::start("away", |_| {}).await?));
    let mut stack = Stack::install(environment, "away", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    let before = stack.ready("orders").await?;
    let url = stack.url("orders").await?;
    let written = stack.aws.count(&Match::aws_writes());

    environment.stop_control_plane().await?;
    stack.controller_ended(0).await.context("a controller that can't renew its Lease ends")?;
    assert_eq!(get(&url).await?.status, StatusCode::OK, "proxies need neither");
    environment.start_control_plane().await?;
    stack.start_controller(0).await?;

    let second = stack.function(Handler::Echo).await?;
    stack.route("after", &format!("{{function: {{name: {}}}}}", second.name())).await?;
    stack.ready("after").await?;
    assert_eq!(get(&stack.url("after").await?).await?.status, StatusCode::OK);
    let after = stack.ready("orders").await?;
    assert_eq!(after.status, before.status, "nothing of the old route has changed");
    assert_eq!(stack.url("orders").await?, url);
    assert_eq!(stack.aws.count(&Match::aws_writes()), written + 3, "three writes for the new route, none for the old");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_controller_takes_over_within_the_time_of_the_lease() -> anyhow::Result<()> {
    let mut stack = two_controllers("within").await?;
    let leader = stack.leader().await?;
    let begun = std::time::Instant::now();
    stack.kill_controller(leader).await?;
    stack
        .eventually("the other controller to lead", async || Ok((stack.leader().await? != leader).then_some(())))
        .await?;
    assert!(begun.elapsed() <= TAKEN_OVER_WITHIN, "it took {:?}", begun.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stood_still_between_its_look_and_its_write_writes_nothing_any_more() -> anyhow::Result<()> {
    let mut stack = two_controllers("still").await?;
    let function = stack.function(Handler::Echo).await?;
    // The last read of a look that found no policy.
    let looks = Match::operation(Operation::GetPolicy).function(function.name());
    let look = stack.aws.on(looks).hold_after();
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    look.arrived().await?;
    let paused = pause_until_another_leads(&mut stack).await?;
    look.release();
    stack.ready("orders").await?;
    let writes = Match::aws_writes().function(function.name());
    let written = stack.aws.count(&writes);
    assert_eq!(written, 3, "the new leader's own");
    // The new leader looks again and again, and writes what it sees: only the other one's writes are counted.
    let late = stack.writes_of_controller(paused)?;
    let before = stack.api.count(&late);
    stack.resume_controller(paused)?;
    stack.controller_ended(paused).await.context("it sees that its time is over, and ends")?;
    assert_eq!(stack.aws.count(&writes), written, "it has its look now, and its time is over");
    let calls = stack.api.calls_of(&late);
    assert!(before > 0, "nothing of it was ever seen: the test looks at the wrong ones");
    let taken: Vec<String> = calls
        .iter()
        .skip(before)
        .filter(|call| call.status.is_some_and(|status| status.is_success()))
        .map(|call| format!("{} {} {}", call.seen.method, call.seen.path, String::from_utf8_lossy(&call.seen.body)))
        .collect();
    assert!(taken.is_empty(), "what it tries in Kubernetes is to be refused: {taken:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_leaders_held_statement_and_create_are_refused_by_aws() -> anyhow::Result<()> {
    let mut stack = two_controllers("held").await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let adds = Match::operation(Operation::AddPermission).function(one.name());
    let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(two.name());
    let (add, create) = (stack.aws.on(adds.clone()).hold_before(), stack.aws.on(creates.clone()).hold_before());
    stack.route("one", &format!("{{function: {{name: {}}}}}", one.name())).await?;
    stack.route("two", &format!("{{function: {{name: {}}}}}", two.name())).await?;
    add.arrived().await?;
    create.arrived().await?;
    let paused = pause_until_another_leads(&mut stack).await?;
    stack.ready("one").await?;
    stack.ready("two").await?;
    let urls = (one.url(None).await?, two.url(None).await?);
    assert_eq!(answered(&stack, add, &adds, true).await?, StatusCode::CONFLICT);
    assert_eq!(answered(&stack, create, &creates, true).await?, StatusCode::CONFLICT);
    stack.resume_controller(paused)?;
    stack.controller_ended(paused).await?;
    assert_eq!((one.url(None).await?, two.url(None).await?), urls);
    for function in [&one, &two] {
        assert_eq!(stack.statements(function, None).await?.len(), 2);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_leaders_late_update_or_delete_of_a_url_is_repaired_by_the_next_look() -> anyhow::Result<()> {
    let mut stack = two_controllers("late").await?;
    let (one, two) = tokio::try_join!(stack.function(Handler::Echo), stack.function(Handler::Echo))?;
    let spec = |function: &str, mode: &str| {
        format!(
            "{{function: {{name: {function}}}, upstream: {{type: FunctionURL, functionURL: {{invokeMode: {mode}}}}}}}"
        )
    };
    stack.route("one", &spec(one.name(), "BUFFERED")).await?;
    stack.route("two", &spec(two.name(), "BUFFERED")).await?;
    stack.ready("one").await?;
    stack.ready("two").await?;
    let updates = Match::operation(Operation::UpdateFunctionUrlConfig).function(one.name());
    let deletes = Match::operation(Operation::DeleteFunctionUrlConfig).function(two.name());
    let (update, delete) = (stack.aws.on(updates.clone()).hold_before(), stack.aws.on(deletes.clone()).hold_before());
    stack.route("one", &spec(one.name(), "RESPONSE_STREAM")).await?;
    stack.begin_delete("two").await?;
    update.arrived().await?;
    delete.arrived().await?;
    let paused = pause_until_another_leads(&mut stack).await?;
    // The new leader carries both out; then the users change their minds.
    stack.ready("one").await?;
    stack.gone("two").await?;
    stack.route("one", &spec(one.name(), "BUFFERED")).await?;
    stack.route("two", &spec(two.name(), "BUFFERED")).await?;
    stack.ready("one").await?;
    stack.ready("two").await?;
    assert_eq!(stack.invoke_mode(&one).await?.as_deref(), Some("BUFFERED"));

    assert_eq!(answered(&stack, update, &updates, true).await?, StatusCode::OK, "AWS can't know that it is too late");
    assert_eq!(answered(&stack, delete, &deletes, true).await?, StatusCode::NO_CONTENT);
    stack
        .eventually("the URL to be as the manifest says", async || {
            Ok((stack.invoke_mode(&one).await?.as_deref() == Some("BUFFERED")).then_some(()))
        })
        .await?;
    stack.eventually("a URL again", async || Ok(two.url(None).await?)).await?;
    for name in ["one", "two"] {
        stack.ready(name).await?;
        let url = stack.url(name).await?;
        stack
            .eventually("calls to be right again", async || {
                Ok((get(&url).await?.status == StatusCode::OK).then_some(()))
            })
            .await?;
    }
    stack.resume_controller(paused)?;
    stack.controller_ended(paused).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_leaders_slice_and_status_are_refused_by_their_resource_version() -> anyhow::Result<()> {
    let mut stack = two_controllers("slices").await?;
    let function = stack.function(Handler::Echo).await?;
    stack.route("orders", &format!("{{function: {{name: {}}}}}", function.name())).await?;
    stack.ready("orders").await?;
    let namespace = stack.namespace.clone();
    let in_namespace = |what: &'static str| {
        let namespace = format!("/namespaces/{namespace}/{what}");
        Match::any().method(Method::PATCH).path_contains(&namespace)
    };
    let (slices, status) = (in_namespace("endpointslices/orders-"), in_namespace("lambdaroutes/orders/status"));
    let (slice, change) = (stack.api.on(slices.clone()).hold_before(), stack.api.on(status.clone()).hold_before());
    // Another proxy is in the slices soon, and a new manifest in the status.
    stack.add_proxy().await?;
    let streaming = "upstream: {type: FunctionURL, functionURL: {invokeMode: RESPONSE_STREAM}}";
    stack.route("orders", &format!("{{function: {{name: {}}}, {streaming}}}", function.name())).await?;
    slice.arrived().await?;
    change.arrived().await?;
    let paused = pause_until_another_leads(&mut stack).await?;
    stack.ready("orders").await?;
    stack
        .eventually("both proxies in the slices", async || {
            Ok((stack.endpoints("orders").await?.len() == 2).then_some(()))
        })
        .await?;
    assert_eq!(answered(&stack, slice, &slices, false).await?, StatusCode::CONFLICT);
    assert_eq!(answered(&stack, change, &status, false).await?, StatusCode::CONFLICT);
    stack.resume_controller(paused)?;
    stack.controller_ended(paused).await?;
    assert_eq!(stack.endpoints("orders").await?.len(), 2);
    assert_eq!(get(&stack.url("orders").await?).await?.status, StatusCode::OK);
    Ok(())
}
