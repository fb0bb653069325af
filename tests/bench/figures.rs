//! Figures of the proxy alone: what a small signed GET costs in instructions and system calls, and what routes cost.

use std::path::Path;
use std::time::{Duration, Instant};

use lambdaroute_load::{Load, Until, run};
use lambdaroute_tests::target;

use crate::lambdaroute::{LambdaRoute, numbered};
use crate::tools::Tool;
use crate::upstream::{Transport, Upstreams};
use crate::workload::Workload;

/// A proxy under a tool serves so many requests, and another one so many: what both cost to start cancels out.
const REQUESTS: [u64; 2] = [1_000, 5_000];
/// Before that: connections are made, memory is taken.
const WARM_UP: u64 = 500;
/// Routes of which the memory is measured.
const ROUTES: u16 = 2_000;
/// Routes that are loaded at once.
const MANY: u16 = 10_000;
/// The first port of a further route.
const FIRST_PORT: u16 = 20_000;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Instructions in user space a request. `None`: valgrind isn't there.
    pub(crate) instructions: Option<f64>,
    /// System calls a request. `None`: strace isn't there.
    pub(crate) system_calls: Option<f64>,
    /// Bytes resident with one route, before any request.
    pub(crate) idle: u64,
    /// Bytes for each further route.
    pub(crate) per_route: f64,
    /// Until all of 10,000 routes are served, from the moment that the controller has them.
    pub(crate) loaded: Duration,
}

/// Measures all of them.
pub(crate) async fn measure(proxy: &Path) -> anyhow::Result<Figures> {
    let directory = target::run_directory("benchmark")?;
    let upstreams = Upstreams::start(&directory)?;
    let mut per_request = [None; 2];
    for (tool, found) in [Tool::Callgrind, Tool::Strace].into_iter().zip(&mut per_request) {
        if tool.is_there() {
            let [few, many] = REQUESTS;
            let (least, most) =
                (under(tool, few, proxy, &upstreams).await?, under(tool, many, proxy, &upstreams).await?);
            #[expect(clippy::cast_precision_loss, reason = "figures for people")]
            let each = most.saturating_sub(least) as f64 / (many - few) as f64;
            *found = Some(each);
        }
    }
    let [instructions, system_calls] = per_request;
    let (idle, per_route) = memory(proxy, &upstreams).await?;
    let loaded = loading(proxy, &upstreams).await?;
    Ok(Figures { instructions, system_calls, idle, per_route, loaded })
}

/// All that a proxy's life costs with so many requests.
async fn under(tool: Tool, requests: u64, proxy: &Path, upstreams: &Upstreams) -> anyhow::Result<u64> {
    let directory = target::run_directory("benchmark")?;
    let output = directory.join("counts");
    let command = tool.command(&output);
    let mut own = LambdaRoute::start_under(&command, proxy, upstreams, Transport::Plain, &directory).await?;
    let (workload, until) = (Workload::Get, Until::Requests(requests));
    let request = workload.request();
    let connections = workload.connections();
    let load = Load { target: own.target, request: &request, connections, rate: None, until };
    run(&Load { until: Until::Requests(WARM_UP), ..load })?;
    tool.begin(own.proxy.component.process.id())?;
    run(&load)?;
    own.proxy.component.process.terminate()?;
    own.proxy.component.process.wait(Duration::from_secs(60)).await?;
    tool.read(&output)
}

/// Bytes with one route, and for each further one.
async fn memory(proxy: &Path, upstreams: &Upstreams) -> anyhow::Result<(u64, f64)> {
    let directory = target::run_directory("benchmark")?;
    let own = LambdaRoute::start(proxy, upstreams, Transport::Plain, &directory).await?;
    let idle = own.group.usage()?.resident;
    add(&own, ROUTES).await?;
    let more = own.group.usage()?.resident.saturating_sub(idle);
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let per_route = more as f64 / f64::from(ROUTES);
    Ok((idle, per_route))
}

async fn loading(proxy: &Path, upstreams: &Upstreams) -> anyhow::Result<Duration> {
    let directory = target::run_directory("benchmark")?;
    let own = LambdaRoute::start(proxy, upstreams, Transport::Plain, &directory).await?;
    let begun = Instant::now();
    add(&own, MANY).await?;
    Ok(begun.elapsed())
}

async fn add(own: &LambdaRoute, routes: u16) -> anyhow::Result<()> {
    own.table.set_all((0..routes).map(|number| {
        let name = format!("route-{number}");
        let route = numbered(&name, FIRST_PORT + number);
        (name, route)
    }));
    own.serves(usize::from(routes) + 1).await
}
