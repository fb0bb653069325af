//! `cargo benchmark routes`: what the controller needs for many routes at once, within AWS's limits and without them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use lambdaroute_tests::gate::Operation;
use lambdaroute_tests::many_routes::{Cost, ManyRoutes};
use lambdaroute_tests::stack::{Calls, Shape, Stack, floor};
use serde_json::json;

use crate::build;
use crate::report::machine;

/// The controller's default, requests a second.
const DEFAULT: [usize; 3] = [10, 10, 50];
/// No limit that matters.
const RAISED: usize = 10_000;
/// The targets.
const MEMORY_MB: f64 = 150.0;
const RAISED_SECONDS: f64 = 60.0;
const OVER_THE_BUDGET: f64 = 1.1;

/// Many routes at once
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many LambdaRoutes
    #[arg(long, default_value_t = 1000)]
    routes: usize,
    /// How many functions they share
    #[arg(long, default_value_t = 300)]
    functions: usize,
    /// Leave out the run within AWS's limits, which takes as long as those have it
    #[arg(long)]
    raised_only: bool,
    /// Count the requests to the API server, too; passing each on takes time of its own
    #[arg(long)]
    count_requests: bool,
    /// Measure this binary and build none
    #[arg(long)]
    controller: Option<PathBuf>,
}

/// Measures, and gives the report.
pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<String> {
    let controller = match &arguments.controller {
        Some(path) => path.canonicalize().with_context(|| format!("{}", path.display()))?,
        None => build::release("lambdaroute-controller")?,
    };
    let many = ManyRoutes { routes: arguments.routes, functions: arguments.functions };
    let mut report = format!("{}; {} routes on {} functions.\n", machine()?, many.routes, many.functions);
    let raised = run(&controller, many, [RAISED; 3], arguments.count_requests).await?;
    let _ = write!(report, "\n### Without limits\n\n{}", table(many, &raised, RAISED_SECONDS)?);
    if !arguments.raised_only {
        let seconds = budget_seconds(many);
        let within = run(&controller, many, DEFAULT, arguments.count_requests).await?;
        let title = format!("Within the default limits, which alone take {seconds:.0} s");
        let _ = write!(report, "\n### {title}\n\n{}", table(many, &within, seconds * OVER_THE_BUDGET)?);
    }
    Ok(report)
}

async fn run(
    controller: &Path,
    many: ManyRoutes,
    [control, policy, function]: [usize; 3],
    count: bool,
) -> anyhow::Result<Cost> {
    let rate = json!({"controlPlane": control, "getPolicy": policy, "getFunction": function});
    let shape = Shape {
        values: json!({"aws": {"rate": rate}}),
        controller_program: Some(controller.to_owned()),
        direct_api: !count,
        ..Shape::default()
    };
    let stack = Stack::with("many-routes", shape).await?;
    many.bring_up(&stack, Duration::from_secs(1200)).await
}

/// What the fullest of the three budgets needs for the floor, half a second's worth of it at once.
fn budget_seconds(many: ManyRoutes) -> f64 {
    let floor = floor(many.functions);
    let of = |wanted: fn(Operation) -> bool| {
        floor.iter().filter(|(of, _)| wanted(*of)).map(|(_, count)| count).sum::<usize>()
    };
    let calls = [
        of(|operation| !matches!(operation, Operation::GetPolicy | Operation::GetFunction)),
        of(|operation| operation == Operation::GetPolicy),
        of(|operation| operation == Operation::GetFunction),
    ];
    let seconds = calls.into_iter().zip(DEFAULT).map(|(calls, rate)| number(calls) / number(rate) - 0.5);
    seconds.fold(0.0, f64::max)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn number(count: usize) -> f64 {
    count as f64
}

fn table(many: ManyRoutes, cost: &Cost, seconds: f64) -> anyhow::Result<String> {
    let met = |met: bool| if met { "met" } else { "**missed**" };
    let total = |calls: &Calls| calls.iter().map(|(_, count)| count).sum::<usize>();
    let floor = floor(many.functions);
    let ready = cost.ready.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let (peak, resident) = (cost.usage.peak as f64 / 1e6, cost.usage.resident as f64 / 1e6);
    let mut text = "| what | target | measured | |\n|---|---|---|---|\n".to_owned();
    writeln!(text, "| calls to AWS | {} | {} | {} |", total(&floor), total(&cost.calls), met(cost.calls == floor))?;
    writeln!(text, "| time until all are Ready | ≤ {seconds:.0} s | {ready:.1} s | {} |", met(ready <= seconds))?;
    writeln!(
        text,
        "| controller's memory, at most | ≤ {MEMORY_MB:.0} MB | {peak:.0} MB | {} |",
        met(peak <= MEMORY_MB)
    )?;
    writeln!(text, "| controller's memory in the end | – | {resident:.0} MB | |")?;
    writeln!(text, "| controller's CPU time | – | {:.1} s | |", cost.usage.cpu.as_secs_f64())?;
    let calls: Vec<String> = cost.calls.iter().map(|(operation, count)| format!("{count} {operation:?}")).collect();
    writeln!(text, "\nCalls: {}.", calls.join(", "))?;
    let requests: Vec<String> = cost
        .requests
        .iter()
        .filter(|(_, count)| **count > many.routes / 4)
        .map(|(request, count)| format!("{:.1} {request}", number(*count) / number(many.routes)))
        .collect();
    if !requests.is_empty() {
        writeln!(text, "\nRequests to the API server for each route: {}.", requests.join(", "))?;
    }
    Ok(text)
}
