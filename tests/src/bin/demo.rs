//! `cargo demo`: the whole product on this machine, on real parts, with a short tour. `--check` calls it and exits.
#![allow(clippy::print_stdout, reason = "the terminal is what this program is for")]

use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use bytes::Bytes;
use clap::Parser;
use http::{Request, StatusCode};
use lambdaroute_tests::components::Binary;
use lambdaroute_tests::emulator::ACCOUNT;
use lambdaroute_tests::environment::Environment;
use lambdaroute_tests::functions::Handler;
use lambdaroute_tests::http::{get, send};
use lambdaroute_tests::stack::{Shape, Stack};
use lambdaroute_tests::{target, toolchain};

/// Brings LambdaRoute up on this machine: a Kubernetes API server, an AWS emulator that enforces IAM, one controller, two
/// proxies, three functions, the routes and the access policy of `examples/`. Needs no root. Stays until Ctrl-C.
#[derive(Parser)]
struct Arguments {
    /// Calls the routes, checks the answers and exits: 0 when all were right.
    #[arg(long)]
    check: bool,
}

/// The namespace of `examples/`.
const NAMESPACE: &str = "shop";
/// The key of `examples/guarded.yaml`.
const KEY: &str = "demo-0123456789abcdef";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome =
        tokio::runtime::Runtime::new().context("start a runtime").and_then(|it| it.block_on(demo(&arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demo(arguments: &Arguments) -> anyhow::Result<()> {
    step("looking for Go and Python");
    toolchain::go()?;
    toolchain::python()?;
    step("looking for free addresses: 127.0.0.2, 127.0.0.3 (proxies), 127.0.0.200 (controller)");
    for (host, port) in [(2, 9902), (3, 9902), (200, 9902), (200, 9443)] {
        let address = (Ipv4Addr::new(127, 0, 0, host), port);
        TcpListener::bind(address).with_context(|| {
            format!("127.0.0.{host}:{port} is taken: stop what listens there (another demo?) and start again")
        })?;
    }
    step("building the controller and the proxy");
    tokio::task::spawn_blocking(|| Binary::Controller.path()).await??;
    // It lives as long as the process, which its processes never outlive.
    let environment: &'static Environment = Box::leak(Box::new(Environment::start("demo", step).await?));
    step("installing the chart's objects; starting one controller and two proxies");
    let shape = Shape { namespace: Some(NAMESPACE.to_owned()), network: Some((0, 0)), ..Shape::default() };
    let stack = Stack::install(environment, "demo", shape).await?;
    step("deploying the functions echo and guarded (Python) and hello (Node, with the alias PROD)");
    stack.deploy("echo", Handler::Echo).await?;
    stack.deploy("guarded", Handler::Echo).await?;
    let hello = stack.deploy("hello", Handler::Hello).await?;
    hello.alias("PROD", &hello.publish().await?).await?;
    step("applying examples/*.yaml and waiting for Ready");
    for file in ["access-policy.yaml", "echo.yaml", "hello.yaml", "guarded.yaml"] {
        let path = target::repository().join("examples").join(file);
        let yaml = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        stack.cluster.apply_yaml(&yaml, None).await?;
    }
    for route in ["echo", "hello", "guarded"] {
        stack.ready(route).await?;
    }
    step("calling all of them");
    let (echo, hello) = (stack.url("echo").await?, stack.url("hello").await?);
    check(&stack, &echo, &hello).await?;
    let guarded = stack.url("guarded").await?;
    check_guard(&guarded).await?;
    if arguments.check {
        println!("all calls were right");
        return Ok(());
    }
    tour(&stack, &echo, &hello, &guarded).await?;
    tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
    println!("\nstopping");
    Ok(())
}

/// Plain calls get the functions' answers, and AWS itself lets nobody in who isn't granted.
async fn check(stack: &Stack, echo: &str, hello: &str) -> anyhow::Result<()> {
    let answer = get(&format!("{echo}/v1/items?a=1")).await?;
    ensure!(answer.status == StatusCode::OK, "the route echo answered {answer:?}");
    let seen = answer.json()?;
    ensure!(seen["path"] == "/v1/items" && seen["query"] == "a=1", "the function echo saw {seen}");
    let answer = get(&format!("{hello}/?name=demo")).await?;
    ensure!(answer.body == "hello, demo, from Node\n", "the route hello answered {answer:?}");
    let target = stack.get("echo").await?.status.unwrap_or_default().targets.into_iter().next();
    let url = target.and_then(|target| target.function_url).context("the route echo has no function URL")?;
    let refused = stack.call_unsigned(&url).await?;
    ensure!(refused == StatusCode::FORBIDDEN, "an unsigned call of the function URL was answered with {refused}");
    Ok(())
}

/// Without the key of `examples/guarded.yaml` nobody gets in; with it, as often as the limit allows.
async fn check_guard(guarded: &str) -> anyhow::Result<()> {
    let refused = get(guarded).await?.status;
    ensure!(refused == StatusCode::UNAUTHORIZED, "a call without a key was answered with {refused}");
    let mut last = StatusCode::OK;
    for calls in 0..100 {
        let request = Request::get(guarded).header("x-api-key", KEY).body(Bytes::new())?;
        last = send(request).await?.status;
        if last != StatusCode::OK {
            ensure!(calls > 0, "the first call with the key was answered with {last}");
            break;
        }
    }
    ensure!(last == StatusCode::TOO_MANY_REQUESTS, "a hundred calls at once ended with {last}");
    Ok(())
}

async fn tour(stack: &Stack, echo: &str, hello: &str, guarded: &str) -> anyhow::Result<()> {
    let kubeconfig = stack.cluster.kubeconfig().display().to_string();
    let answer = get(&format!("{echo}/v1/items?a=1")).await?.json()?;
    let logs = stack.directory.display();
    let (aws, port) = (stack.aws.url(), stack.port("echo").await?);
    println!(
        r#"
LambdaRoute is up. What just happened:
  1. The files of examples/ were applied to a real Kubernetes API server.
  2. The controller gave each function a URL and the two permission statements that AWS requires, in an AWS emulator
     that enforces IAM, and each route a Service with a port of its own on the proxies (echo: {port}).
  3. A plain {method} {path} to the route was signed by a proxy for {host}
     and answered by the function.

Look around (in another terminal):
  export KUBECONFIG={kubeconfig}
  kubectl get lr -A -o wide
  kubectl -n {NAMESPACE} describe lr echo
  kubectl -n {NAMESPACE} get services,endpointslices
  kubectl get lambdaaccesspolicies        # what {NAMESPACE} may do: take hello:PROD away, and see the route go

Call the functions. In a cluster it would be http://echo.{NAMESPACE} and http://greeter.{NAMESPACE}:8080; here processes
stand for Pods, so it is a proxy's loopback address:
  curl '{echo}/v1/items?a=1'
  curl -d '{{"order": 7}}' '{echo}/orders'
  curl '{hello}/?name=you'
  curl -i '{guarded}'                              # 401: this one needs a key, and takes five calls a second with it
  curl -i -H 'x-api-key: {KEY}' '{guarded}'

Ask AWS (any AWS CLI; the emulator's administrator):
  export AWS_ACCESS_KEY_ID={ACCOUNT} AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1
  aws --endpoint-url {aws} lambda get-policy --function-name echo
  aws --endpoint-url {aws} lambda get-function-url-config --function-name hello --qualifier PROD

Take it back, and see the URL and the statements go:
  kubectl -n {NAMESPACE} delete lr echo

Logs: {logs}
Ctrl-C stops everything."#,
        path = answer["path"].as_str().unwrap_or_default(),
        method = answer["method"].as_str().unwrap_or_default(),
        host = answer["headers"]["host"].as_str().unwrap_or_default(),
    );
    Ok(())
}

fn step(text: &str) {
    println!("• {text}");
}
