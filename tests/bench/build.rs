//! Release builds, as the Dockerfile makes them: static, with glibc, relocations packed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use lambdaroute_tests::{target, toolchain};

/// Where a binary is, fresh from the sources; the package has its name.
pub(crate) fn release(name: &str) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let host = host()?;
    toolchain::run(
        Command::new(cargo)
            .args(["build", "--quiet", "--release", "--locked", "--package", name, "--target", &host])
            .env("RUSTFLAGS", "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs")
            .current_dir(target::repository()),
        &format!("build {name}"),
    )?;
    Ok(target::directory().join(host).join("release").join(name))
}

/// This machine's target triple.
fn host() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("ask rustc for its host")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).context("rustc names no host")
}
