//! Answers are lost and throttled at random, by a seed, while routes are made, changed and deleted: everything converges.
//! And statements that are written in parallel, which AWS may lose, aren't.
//!
//! `LAMBDAROUTE_FAULTS=100 cargo test -p lambdaroute-tests --test e2e -- faults::` runs it with 100 routes;
//! `LAMBDAROUTE_FAULTS_SEED` is another seed.

use std::time::Duration;

use anyhow::{bail, ensure};
use futures::future::try_join_all;
use http::StatusCode;
use lambdaroute_crds::Ownership;
use lambdaroute_tests::functions::{Function, Handler};
use lambdaroute_tests::gate::{Answer, Match, Operation, Rule};
use lambdaroute_tests::http::get;
use lambdaroute_tests::stack::{Shape, Stack, unhurried};
use lambdaroute_tests::wait::within;

const ROUTES: usize = 12;
const SEED: u64 = 20_261_127;
/// Three faults of this share each spare 70 % of all answers: 1 - 0.888³ = 0.3.
const SHARE: f64 = 0.112;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What the controller asks of AWS; the harness's own calls come through.
fn of_controller(stack: &Stack) -> Match {
    let key = format!("Credential={}/", stack.principals().controller.credentials.access_key_id);
    Match::any().when("of the controller", move |seen| {
        seen.operation != Operation::CallFunctionUrl
            && seen.header("authorization").is_some_and(|text| text.contains(&key))
    })
}

/// 30 % of all answers are lost or say that there are too many calls, of AWS and of Kubernetes.
fn faults(stack: &Stack, seed: u64) -> Vec<Rule> {
    let aws = of_controller(stack);
    // Without its Lease a controller ends, as it must: that is another test's matter.
    let api = Match::any().when("anything but the Lease", |seen| !seen.path.contains("/leases"));
    let too_many = Answer::kubernetes(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests");
    vec![
        stack.aws.on(aws.clone()).share(SHARE, seed).answer(Answer::throttled()),
        stack.aws.on(aws.clone()).share(SHARE, seed + 1).drop_before(),
        stack.aws.on(aws).share(SHARE, seed + 2).drop_after(),
        stack.api.on(api.clone()).share(SHARE, seed + 3).answer(too_many),
        stack.api.on(api.clone()).share(SHARE, seed + 4).drop_before(),
        stack.api.on(api).share(SHARE, seed + 5).drop_after(),
    ]
}

fn spec(function: &Function, mode: &str) -> String {
    let name = function.name();
    format!("{{function: {{name: {name}}}, upstream: {{type: FunctionURL, functionURL: {{invokeMode: {mode}}}}}}}")
}

/// A URL config whose creation AWS carried out without our hearing of it: nothing proves that it is ours.
fn may_be_unproven(stack: &Stack, function: &Function) -> bool {
    let creates = Match::operation(Operation::CreateFunctionUrlConfig).function(function.name());
    stack.aws.calls_of(&creates).iter().any(|call| call.status.is_none_or(|status| status == StatusCode::CREATED))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_converges_while_three_of_ten_answers_are_lost_or_throttled() -> anyhow::Result<()> {
    let routes = setting("LAMBDAROUTE_FAULTS", ROUTES);
    let seed = setting("LAMBDAROUTE_FAULTS_SEED", SEED);
    eprintln!("LAMBDAROUTE_FAULTS={routes} LAMBDAROUTE_FAULTS_SEED={seed}");
    let longest = Duration::from_secs(420 + 6 * u64::try_from(routes)?);
    let stack = Stack::with("faults", Shape { proxies: 1, controller_flags: unhurried(), ..Shape::default() }).await?;
    let functions = try_join_all((0..routes).map(|_| stack.function(Handler::Echo))).await?;
    for function in &functions {
        stack.add_foreign_statement(function, "theirs").await?;
    }
    stack.aws.lambda().expect("AWS's rules").keep_rates();
    let named: Vec<(String, &Function)> =
        functions.iter().enumerate().map(|(number, function)| (format!("route-{number}"), function)).collect();
    let rules = faults(&stack, seed);

    let mut unproven = vec![false; routes];
    for mode in ["BUFFERED", "RESPONSE_STREAM"] {
        for (name, function) in &named {
            stack.route(name, &spec(function, mode)).await?;
        }
        for ((name, function), unproven) in named.iter().zip(&mut unproven) {
            *unproven = within(longest, &format!("{name} to be {mode}"), async || {
                converged(&stack, name, function, mode).await
            })
            .await?;
        }
    }
    for (name, _) in &named {
        stack.begin_delete(name).await?;
    }
    for ((name, function), unproven) in named.iter().zip(&unproven) {
        within(longest, &format!("the end of {name}"), async || Ok(stack.find(name).await?.is_none().then_some(())))
            .await?;
        let sids: Vec<_> = stack.statements(function, None).await?.iter().map(|it| it["Sid"].clone()).collect();
        ensure!(sids == ["theirs"], "{name} leaves {sids:?}");
        let left = function.url(None).await?.is_some();
        ensure!(left == *unproven, "{name}: URL left: {left}, unproven: {unproven}");
        ensure!(!left || may_be_unproven(&stack, function), "{name} left a URL whose creation was heard of");
        ensure!(stack.service(name).await?.is_none(), "{name} leaves a Service");
    }
    let hit: usize = rules.iter().map(Rule::count).sum();
    ensure!(hit > 5 * routes, "only {hit} answers were lost or throttled");
    ensure!(stack.aws.lambda().expect("AWS's rules").over_rates() == 0, "AWS's real rates were kept");
    eprintln!("{hit} answers were lost or throttled; {} URLs are unproven", unproven.iter().filter(|it| **it).count());
    Ok(())
}

/// Whether a route is Ready with all that belongs to it, once; and then whether its URL config is unproven, which is never
/// changed.
async fn converged(stack: &Stack, name: &str, function: &Function, mode: &str) -> anyhow::Result<Option<bool>> {
    let route = stack.get(name).await?;
    let generation = route.metadata.generation;
    let status = route.status.unwrap_or_default();
    let targets: Vec<_> = status.targets.iter().map(|target| target.ownership).collect();
    let unproven = targets == [Some(Ownership::Unproven)];
    let told = |type_: &str| {
        let found = status.conditions.iter().find(|it| it.type_ == type_ && it.observed_generation >= generation);
        found.map(|it| (it.status.clone(), it.reason.clone()))
    };
    let is = |type_: &str, status: &str, reason: &str| told(type_) == Some((status.to_owned(), reason.to_owned()));
    if unproven && mode != "BUFFERED" {
        // Not ours to change: it is told, and goes on as it was.
        return Ok(is("FunctionURLReady", "False", "AlreadyExists").then_some(true));
    }
    if !is("Ready", "True", "Ready") {
        bail!("{:?}", status.conditions);
    }
    let ours = stack.statements(function, None).await?;
    let ours = ours.iter().filter(|it| it["Sid"] != "theirs").count();
    ensure!(ours == 2, "{ours} statements of ours");
    ensure!(stack.invoke_mode(function).await?.as_deref() == Some(mode), "the URL isn't {mode} yet");
    ensure!(get(&stack.url(name).await?).await?.status == StatusCode::OK, "a call fails");
    Ok(Some(unproven))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_is_lost_where_aws_loses_those_that_are_written_in_parallel() -> anyhow::Result<()> {
    let stack = Stack::with("parallel", Shape { proxies: 1, ..Shape::default() }).await?;
    let function = stack.function(Handler::Echo).await?;
    let version = function.publish().await?;
    let aliases = ["ONE", "TWO", "THREE"];
    for alias in aliases {
        function.alias(alias, &version).await?;
    }
    let rules = stack.aws.lambda().expect("AWS's rules");
    rules.lose_parallel_statements(function.name());
    for alias in aliases {
        let spec = format!("{{function: {{name: {}, qualifier: {alias}}}}}", function.name());
        stack.route(&alias.to_lowercase(), &spec).await?;
    }
    for alias in aliases {
        stack.ready(&alias.to_lowercase()).await?;
        ensure!(stack.statements(&function, Some(alias)).await?.len() == 2, "{alias} lacks a statement");
    }
    ensure!(rules.lost_statements(function.name()) == 0, "two writes of one function met");
    Ok(())
}
