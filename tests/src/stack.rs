//! LambdaRoute installed for one test (or the demo): the chart's objects, controllers and proxies as processes, a gate
//! before AWS and one before the API server, a namespace for routes. Ends with its value.
//!
//! The processes run with the flags, the environment and the ServiceAccounts that the chart renders; only addresses and
//! files differ. Each proxy has a loopback address of its own, and a Pod that stands for it.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, bail};
use kube::Client;
use serde_json::{Value, json};

use crate::cluster::{Cluster, PodStand};
use crate::components::{Binary, Component};
use crate::emulator::{ACCOUNT, REGION};
use crate::environment::Environment;
use crate::functions::{Function, Functions, Handler};
use crate::gate::{Gate, LambdaRules};
use crate::principals::Principals;
use crate::wait;

mod aws;
mod calls;
mod disturbed;
mod endpoints;
mod leaders;
mod leading;
mod made;
mod policies;
mod processes;
mod release;
mod routes;
mod scripted;
mod secrets;
mod uninstall;

pub use calls::{Calls, floor};
pub use endpoints::EndpointWatch;
pub use processes::unhurried;
pub use scripted::Scripted;
pub use uninstall::{Uninstalled, Uninstalling};

use release::Release;

/// Where the route table listens, on each controller's own address.
const ROUTE_TABLE_PORT: u16 = 9443;
/// Where health and metrics are, on each process's own address.
const ADMIN_PORT: u16 = 9902;

/// How a stack is to be.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many controllers; one leads.
    pub controllers: usize,
    /// How many proxies.
    pub proxies: usize,
    /// Values of the chart besides those that the stack gives.
    pub values: Value,
    /// Flags for the controllers that no value of the chart has.
    pub controller_flags: Vec<String>,
    /// The controllers' program. None: the debug build.
    pub controller_program: Option<PathBuf>,
    /// The controllers ask the API server itself, not through the gate: what they ask isn't seen, and passing it on costs nothing.
    pub direct_api: bool,
    /// Where proxies dial function URLs. None: the emulator, through the gate.
    pub function_url_endpoint: Option<String>,
    /// The namespace of the routes. None: one of the stack's own.
    pub namespace: Option<String>,
    /// How many seconds the controllers' wall clocks are ahead, in their order; negative: behind. Those that aren't named are right.
    pub controller_clocks: Vec<i64>,
    /// The network of the proxies' loopback addresses, `127.<a>.<b>.`; the first proxy is `.2`. None: one of its own.
    pub network: Option<(u8, u8)>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            controllers: 1,
            proxies: 2,
            values: json!({}),
            controller_flags: vec![],
            controller_program: None,
            direct_api: false,
            function_url_endpoint: None,
            namespace: None,
            controller_clocks: vec![],
            network: None,
        }
    }
}

struct Slot {
    component: Option<Component>,
    program: Option<PathBuf>,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    name: String,
}

/// An installed LambdaRoute.
pub struct Stack {
    /// The namespace of the routes.
    pub namespace: String,
    /// The cluster, as administrator, not through the gate.
    pub cluster: Cluster,
    /// The gate between controller and proxies and AWS.
    pub aws: Gate,
    /// The gate between the controllers and the API server.
    pub api: Gate,
    /// The mark of this stack's statements in AWS.
    pub cluster_id: String,
    /// State, logs and files of this stack.
    pub directory: PathBuf,
    environment: &'static Environment,
    functions: Functions,
    release: Release,
    network: (u8, u8),
    controllers: Vec<Slot>,
    proxies: Vec<Slot>,
    pods: AtomicU8,
    function_count: AtomicU8,
}

impl Stack {
    /// One controller, two proxies.
    ///
    /// # Errors
    /// When a part doesn't come up; the error names its log.
    pub async fn start(name: &str) -> anyhow::Result<Self> {
        Self::with(name, Shape::default()).await
    }

    /// As the shape says.
    ///
    /// # Errors
    /// When a part doesn't come up; the error names its log.
    pub async fn with(name: &str, shape: Shape) -> anyhow::Result<Self> {
        Self::install(Environment::shared().await?, name, shape).await
    }

    /// As the shape says, in some environment.
    ///
    /// # Errors
    /// When a part doesn't come up; the error names its log.
    pub async fn install(environment: &'static Environment, name: &str, shape: Shape) -> anyhow::Result<Self> {
        let id = format!("{:06x}", rand::random::<u32>() & 0xff_ffff);
        let network = shape.network.unwrap_or_else(|| (rand::random_range(64..=250), rand::random_range(1..=250)));
        let directory = environment.directory.join(format!("{name}-{id}"));
        std::fs::create_dir_all(&directory)?;
        let cluster = environment.cluster().await?;
        let namespace = shape.namespace.clone().unwrap_or_else(|| format!("{name}-{id}"));
        let account = &environment.account;
        let principals = &account.principals;
        let emulator = account.emulator.address();
        let admin = account.emulator.admin().clone();
        let rules = LambdaRules::new(emulator, admin, principals.keys.clone(), ACCOUNT, REGION);
        let aws = Gate::before_emulator(emulator, rules).await?;
        let api = Gate::before_tls(cluster.address()?, cluster.server_name(), cluster.authority()).await?;
        cluster.namespace(&namespace).await?;
        let values = json!({
            "proxyPrincipal": principals.proxies.arn,
            "clusterID": id,
            "fullnameOverride": format!("lr-{id}"),
            "aws": {"region": REGION, "endpointURL": aws.url(), "functionURLEndpoint": shape.function_url_endpoint.clone().unwrap_or_else(|| aws.url())},
            "crds": {"install": false},
        });
        let release = Release::install(&cluster, &id, &merged(values, &shape.values)).await?;
        let functions = Functions::new(&account.emulator, principals);
        let mut stack = Self {
            namespace,
            cluster,
            aws,
            api,
            cluster_id: id,
            directory,
            environment,
            functions,
            release,
            network,
            controllers: vec![],
            proxies: vec![],
            pods: AtomicU8::new(2),
            function_count: AtomicU8::new(0),
        };
        stack
            .start_processes(&shape)
            .await
            .with_context(|| format!("see the logs in {}", stack.directory.display()))?;
        Ok(stack)
    }

    /// A client of the API server, as administrator.
    pub fn client(&self) -> Client {
        self.cluster.client.clone()
    }

    /// Who is who in AWS.
    pub fn principals(&self) -> &Principals {
        &self.environment.account.principals
    }

    /// The shared environment.
    pub fn environment(&self) -> &'static Environment {
        self.environment
    }

    /// A name for a function that no other test has.
    pub fn function_name(&self) -> String {
        let number = self.function_count.fetch_add(1, Ordering::Relaxed);
        format!("fn-{}-{number}", self.cluster_id)
    }

    /// Deploys a function under a name of the test's own.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn function(&self, handler: Handler) -> anyhow::Result<Function> {
        self.deploy(&self.function_name(), handler).await
    }

    /// Deploys a function.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn deploy(&self, name: &str, handler: Handler) -> anyhow::Result<Function> {
        self.functions.deploy(name, handler).await
    }

    /// Waits for a condition, a minute at most; the error names the logs.
    ///
    /// # Errors
    /// When it doesn't come true.
    pub async fn eventually<T>(
        &self,
        what: &str,
        ask: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        wait::eventually(what, ask).await.with_context(|| format!("see the logs in {}", self.directory.display()))
    }

    /// Looks for a while: the condition must hold each time.
    ///
    /// # Errors
    /// At the first look at which it doesn't.
    pub async fn still(
        &self,
        span: std::time::Duration,
        what: &str,
        ask: impl AsyncFnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        wait::still(span, what, ask).await.with_context(|| format!("see the logs in {}", self.directory.display()))
    }

    /// The next address of the cluster's Pods, and the loopback address that stands for it.
    fn next_address(&self) -> (String, Ipv4Addr) {
        let host = self.pods.fetch_add(1, Ordering::Relaxed);
        let (a, b) = self.network;
        (format!("10.{a}.{b}.{host}"), Ipv4Addr::new(127, a, b, host))
    }

    /// A proxy's Pod: its name, uid, cluster address and loopback address.
    async fn proxy_pod(&self) -> anyhow::Result<(String, String, String, Ipv4Addr)> {
        let (address, loopback) = self.next_address();
        let name = format!("proxy-{}", loopback.octets()[3]);
        let uid = self
            .cluster
            .pod(&PodStand {
                namespace: &self.release.namespace,
                name: &name,
                service_account: &self.release.proxy.service_account,
                labels: &self.release.proxy.labels,
                address: &address,
            })
            .await?;
        Ok((name, uid, address, loopback))
    }

    fn slot(slots: &[Slot], index: usize) -> anyhow::Result<&Slot> {
        slots.get(index).with_context(|| format!("there is no process {index}"))
    }
}

/// `base` with `over` laid over it, object by object.
fn merged(mut base: Value, over: &Value) -> Value {
    match (&mut base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                let slot = base.entry(name.clone()).or_insert(Value::Null);
                *slot = merged(slot.take(), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
    base
}

fn running(slot: &mut Slot) -> anyhow::Result<&mut Component> {
    match slot.component.as_mut() {
        Some(component) => Ok(component),
        None => bail!("{} isn't running", slot.name),
    }
}
