//! The toolchains that the environment needs besides Rust: found, or one clear sentence that says what to install.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

/// Go, for the control plane and helm. Older ones can't build Kubernetes 1.36.
const GO: (u32, u32) = (1, 26);

/// The `go` command.
///
/// # Errors
/// One sentence when it is missing or too old.
pub fn go() -> anyhow::Result<PathBuf> {
    let output = Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output();
    let Ok(output) = output else {
        bail!("Go was not found: install Go {}.{} or later from https://go.dev/dl and put it on PATH", GO.0, GO.1);
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if text.is_empty() {
        bail!("`go env GOVERSION` says nothing: install Go {}.{} or later from https://go.dev/dl", GO.0, GO.1);
    }
    match version(&text) {
        Some(found) if found >= GO => Ok(PathBuf::from("go")),
        _ => bail!("{text} is too old: install Go {}.{} or later from https://go.dev/dl", GO.0, GO.1),
    }
}

/// The `python3` command, with its venv module.
///
/// # Errors
/// One sentence when it is missing, too old, or lacks the module.
pub fn python() -> anyhow::Result<PathBuf> {
    let program = "import sys, venv, ensurepip; print(sys.version_info >= (3, 11))";
    let Ok(output) = Command::new("python3").args(["-c", program]).output() else {
        bail!("Python was not found: install Python 3.11 or later with its venv module, as python3 on PATH");
    };
    if !output.status.success() || !output.stdout.starts_with(b"True") {
        bail!("python3 is older than 3.11 or lacks the venv module (Debian: apt-get install python3-venv)");
    }
    Ok(PathBuf::from("python3"))
}

/// Runs a build step and shows what it said if it fails.
///
/// # Errors
/// When it can't be run or fails.
pub fn run(command: &mut Command, purpose: &str) -> anyhow::Result<()> {
    let output = command.output().with_context(|| purpose.to_owned())?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{purpose}: {}\n{}", output.status, String::from_utf8_lossy(&said));
    }
    Ok(())
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    //! Versions as Go writes them.

    use super::version;

    #[test]
    fn a_version_is_read_with_and_without_a_patch_level() {
        assert_eq!(version("go1.26.8"), Some((1, 26)));
        assert_eq!(version("go1.27"), Some((1, 27)));
        assert_eq!(version("devel +abc"), None);
    }
}
