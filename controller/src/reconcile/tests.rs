//! What a leader knows before it decides anything, and what it believes no longer.

use super::begin::begin;
use super::*;
use crate::args::Args;
use crate::table::Settings;
use crate::watch::SYNC_LIMIT;
use anyhow::Context as _;
use clap::Parser as _;
use kube::{Client, Config};
use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn route(name: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "lambdaroute.dev/v1alpha1", "kind": "LambdaRoute",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-of-{name}"), "resourceVersion": "1"},
        "spec": {"function": {"name": "orders"}},
        "status": {"targets": [{"functionARN": ARN, "state": "Active"}]},
    })
}

/// An API server that has these routes and nothing else, and where nothing happens.
async fn api_server(routes: Vec<serde_json::Value>) -> anyhow::Result<Client> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, routes.clone()));
        }
    });
    Ok(Client::try_from(Config::new(url.parse()?))?)
}

async fn answer(mut stream: TcpStream, routes: Vec<serde_json::Value>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path.contains("watch=true") {
        return std::future::pending().await;
    }
    let items = if path.contains("/lambdaroutes") { routes } else { vec![] };
    let body = match path.contains("/configmaps/") {
        true => serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"resourceVersion": "1"}}),
        false => serde_json::json!({"metadata": {"resourceVersion": "1"}, "items": items}),
    };
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await
}

fn setup(client: Client) -> anyhow::Result<Setup> {
    let args = Args::try_parse_from([
        "lambdaroute-controller",
        "--namespace=lambdaroute",
        "--proxy-service-account=lambdaroute/proxy",
        "--proxy-principal=arn:aws:iam::111122223333:role/lambdaroute-proxy",
    ])?;
    Ok(Setup {
        kubernetes: Kubernetes::new(client, "one".to_owned()),
        aws: crate::aws::tests::aws(),
        table: RouteTable::new(Settings::default()),
        settings: crate::plan::Settings { cluster: "c1".parse()?, principal: args.aws.proxy_principal },
        args: args.routes,
        source_args: args.sources,
        ports: kube::api::ObjectMeta { name: Some("ports".to_owned()), ..Default::default() },
        metrics: ReconcileMetrics::register(&mut Registry::default()),
        source_metrics: SourceMetrics::register(&mut Registry::default()),
    })
}

/// A leader that has begun with these routes. What begin has spawned hasn't run yet: the test's thread is the only one.
async fn begun(routes: Vec<serde_json::Value>, tasks: &mut JoinSet<&'static str>) -> anyhow::Result<Arc<Reconciler>> {
    let setup = setup(api_server(routes).await?)?;
    let (_, deadline) = tokio::sync::watch::channel(Instant::now() + SYNC_LIMIT);
    begin(Arc::new(setup), Leadership::until(deadline), tasks).await
}

fn name(name: &str) -> Name {
    ("shop".to_owned(), name.to_owned())
}

#[tokio::test]
async fn every_route_of_a_target_is_known_before_any_is_worked_on() -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let reconciler = begun(vec![route("going"), route("staying")], &mut tasks).await?;
    let target = FunctionTarget::parse_arn(ARN).context("an ARN")?;
    let known = lock(&reconciler.index).routes(&target);
    assert_eq!(known, [name("going"), name("staying")], "a target planned with one of them takes all from the other");
    Ok(())
}

#[tokio::test]
async fn a_service_that_a_new_list_does_not_have_is_believed_no_longer() -> anyhow::Result<()> {
    let mut tasks = JoinSet::new();
    let reconciler = begun(vec![route("orders")], &mut tasks).await?;
    let orders = reconciler.route(&name("orders")).context("the route")?;
    let target = FunctionTarget::parse_arn(ARN).context("an ARN")?;
    let written = service::desired(&orders, 10_000, &target, None);
    let memory = RouteMemory { service: Some((None, written)), ..RouteMemory::default() };
    lock(&reconciler.memory).insert(name("orders"), memory);
    assert!(reconciler.live_service(&orders).is_some(), "until the watch has shown it, what was written counts");
    reconciler.clone().feed_services(futures::stream::iter([crate::watch::Seen::Relisted])).await;
    assert!(reconciler.live_service(&orders).is_none());
    assert_eq!(reconciler.queue.routes.len(), 1, "it is made again");
    Ok(())
}
