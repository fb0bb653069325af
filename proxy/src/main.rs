//! `lambdaroute-proxy`: reads its flags, starts the proxy, waits for a signal. Everything else is the library's.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// `EX_USAGE` of sysexits.h: the configuration is bad; a restart won't help.
const BAD_CONFIGURATION: u8 = 64;

/// Control work alone, and little of it: requests have threads of their own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (args, flags) = match lambdaroute_proxy::read_args() {
        Ok(read) => read,
        Err(error) => {
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(BAD_CONFIGURATION),
            };
        }
    };
    if let Err(error) = lambdaroute_proxy::init_log(args.log_format, &args.log_level) {
        eprintln!("error: {error}");
        return ExitCode::from(BAD_CONFIGURATION);
    }
    lambdaroute_proxy::raise_file_limit();
    let signals = match lambdaroute_proxy::signals() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "can't listen for signals");
            return ExitCode::FAILURE;
        }
    };
    match lambdaroute_proxy::build(args, flags).await {
        Ok(bound) => {
            bound.run(signals).await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "can't start");
            ExitCode::FAILURE
        }
    }
}
