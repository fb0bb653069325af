//! The proxy's release build.

use std::path::PathBuf;
use std::process::Command;

use lambdaroute_tests::{target, toolchain};

/// Where it is, fresh from the sources.
pub(crate) fn proxy() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    toolchain::run(
        Command::new(cargo)
            .args(["build", "--quiet", "--release", "--locked", "--package", "lambdaroute-proxy"])
            .current_dir(target::repository()),
        "build the proxy",
    )?;
    let triple = std::env::var_os("CARGO_BUILD_TARGET").unwrap_or_default();
    Ok(target::directory().join(triple).join("release/lambdaroute-proxy"))
}
