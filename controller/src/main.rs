//! The controller's binary: reads the command line, runs the app, ends cleanly on SIGTERM.

use std::process::ExitCode;

use clap::Parser;
use lambdaroute_controller::app::{App, Leading};
use lambdaroute_controller::args::Args;
use lambdaroute_controller::telemetry;
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
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = format!("{error:#}"), "ending");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<(), anyhow::Error> {
    let client = kube::Client::try_default().await?;
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
    App::new(args, client).run(stop, reconcile).await?;
    Ok(())
}

/// Until the reconciler primes the table, proxies keep what they have.
async fn reconcile(leading: Leading) -> Result<(), anyhow::Error> {
    leading.stop.cancelled().await;
    Ok(())
}
