//! The controller's binary: reads the command line, runs the app, ends cleanly on SIGTERM.

use std::process::ExitCode;

use clap::Parser;
use lambdaroute_controller::app::App;
use lambdaroute_controller::args::{Args, Command};
use lambdaroute_controller::aws::Aws;
use lambdaroute_controller::reconcile::ReconcileMetrics;
use lambdaroute_controller::sources::{SourceMetrics, trust};
use lambdaroute_controller::uninstall::{self, UninstallArgs};
use lambdaroute_controller::{dry_run, lead, telemetry};
use prometheus_client::registry::Registry;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::error;

/// The exit code of a configuration that can't work (`EX_USAGE` of sysexits.h): restarting won't help.
const BAD_CONFIGURATION: u8 = 64;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_CONFIGURATION) } else { ExitCode::SUCCESS };
        }
    };
    if let Err(words) = args.check().and_then(|()| telemetry::start(&args.log)) {
        eprintln!("error: {words}");
        return ExitCode::from(BAD_CONFIGURATION);
    }
    let outcome = match &args.command {
        None => run(args).await,
        Some(Command::Uninstall(options)) => uninstall(&args, options).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = format!("{error:#}"), "ending");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), anyhow::Error> {
    // Read again for each fetch; what can't work is told at once.
    trust::client(args.sources.jwks_ca_file.as_deref())?;
    let client = kube::Client::try_default().await?;
    if args.routes.dry_run {
        return dry_run(&args, client).await;
    }
    let stop = told_to_stop()?;
    let mut app = App::new(args.clone(), client);
    let aws = Aws::load(&args.aws, &mut app.registry).await;
    let metrics = ReconcileMetrics::register(&mut app.registry);
    let source_metrics = SourceMetrics::register(&mut app.registry);
    app.run(stop, move |leading| lead::lead(args, aws, metrics, source_metrics, leading)).await?;
    Ok(())
}

/// Cancelled by SIGTERM and SIGINT.
fn told_to_stop() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn({
        let stop = stop.clone();
        async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stop.cancel();
        }
    });
    Ok(stop)
}

/// Takes everything back, and prints what was done and what is left. What is left in AWS is no failure: the way on is free.
#[allow(clippy::print_stdout)]
async fn uninstall(args: &Args, options: &UninstallArgs) -> Result<(), anyhow::Error> {
    let stop = told_to_stop()?;
    let client = kube::Client::try_default().await?;
    let aws = Aws::load(&args.aws, &mut Registry::default()).await;
    let outcome = uninstall::uninstall(args, options, client, &aws, stop).await;
    match &outcome {
        Ok(report) => print!("{report}"),
        Err(error) => println!("LambdaRoute is still installed: {error}"),
    }
    if !outcome.as_ref().is_ok_and(uninstall::Report::is_complete) {
        if !matches!(outcome, Err(uninstall::Error::NotUninstalling { .. })) {
            println!("{}", uninstall::WAY_OUT);
        }
        anyhow::bail!("not uninstalled");
    }
    Ok(())
}

/// Prints what would be written, one step a line.
#[allow(clippy::print_stdout)]
async fn dry_run(args: &Args, client: kube::Client) -> Result<(), anyhow::Error> {
    let aws = Aws::load(&args.aws, &mut Registry::default()).await;
    let settings = lead::settings(args, &client).await?;
    for line in dry_run::dry_run(client, &aws, &settings, &args.routes, &args.namespace).await? {
        println!("{line}");
    }
    Ok(())
}
