//! Release builds.

use std::path::PathBuf;
use std::process::Command;

use lambdaroute_tests::{target, toolchain};

/// Where a binary is, fresh from the sources; the package has its name.
pub(crate) fn release(name: &str) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    toolchain::run(
        Command::new(cargo)
            .args(["build", "--quiet", "--release", "--locked", "--package", name])
            .current_dir(target::repository()),
        &format!("build {name}"),
    )?;
    let triple = std::env::var_os("CARGO_BUILD_TARGET").unwrap_or_default();
    Ok(target::directory().join(triple).join("release").join(name))
}
