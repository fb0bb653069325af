//! `cargo benchmark`: what a request costs through the proxy with everything on, against nginx that only passes through,
//! Envoy that signs, and no proxy at all; and what the controller needs for many routes. Prints Markdown; docs/benchmarks.md
//! holds a run and says how to read it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};

mod build;
mod contenders;
mod cores;
mod envoy;
mod figures;
mod lambdaroute;
mod median;
mod nginx;
mod report;
mod rounds;
mod routes;
mod targets;
mod tools;
mod upstream;
mod witness;
mod workload;

use report::Report;
use workload::Workload;

/// Measures the proxy against nginx, Envoy and no proxy.
#[derive(Debug, Parser)]
#[command(name = "cargo benchmark", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// How often each cell of the tables is measured; medians are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How long each of them takes, in milliseconds
    #[arg(long, default_value_t = 700, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    milliseconds: u64,
    /// Leave out the figures of one proxy alone: instructions, system calls, memory of routes
    #[arg(long)]
    no_figures: bool,
    /// Measure these columns alone, again and again if wished; without it, all of them
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Workload::ALL, hide_default_value = true)]
    workload: Vec<Workload>,
    /// Leave out the tables
    #[arg(long)]
    no_tables: bool,
    /// Measure this binary and build none
    #[arg(long)]
    proxy: Option<PathBuf>,
}

/// What else there is to measure.
#[derive(Debug, Subcommand)]
enum What {
    /// Measures the controller with many routes at once
    Routes(routes::Arguments),
}

#[expect(clippy::print_stdout, reason = "the report is the product")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(What::Routes(arguments)) = &arguments.what {
        let runtime = tokio::runtime::Runtime::new()?;
        println!("{}", runtime.block_on(routes::measure(arguments))?);
        return Ok(());
    }
    // Before any thread starts: all of them inherit it.
    cores::keep_to_own()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(measure(&arguments))
}

#[expect(clippy::print_stdout, reason = "the report is the product")]
async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let proxy = match &arguments.proxy {
        Some(path) => path.canonicalize().with_context(|| format!("{}", path.display()))?,
        None => build::release("lambdaroute-proxy")?,
    };
    let mut report = Report::begin()?;
    if !arguments.no_tables {
        let contenders = contenders::start(&proxy).await?;
        witness::all_do_their_work(&contenders).await?;
        let duration = Duration::from_millis(arguments.milliseconds);
        report.cells = rounds::measure(&contenders, &arguments.workload, arguments.rounds, duration)?;
    }
    if !arguments.no_figures {
        report.figures = Some(figures::measure(&proxy).await?);
    }
    println!("{report}");
    Ok(())
}
