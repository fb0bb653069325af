//! The Kubernetes control plane of `tests/controlplane`: built on first use, kept, started in seconds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use crate::process::{Process, Start};
use crate::{target, toolchain, wait};

/// Cold on a busy machine it needs some 10 s; usually 3.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// What open watches may hold the stop for, and room for a busy machine.
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
/// The Kubernetes release of go.mod. Without it the server calls itself v0.0.0.
const KUBERNETES: &str = "v1.36.3";

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {
    binary: PathBuf,
    state: PathBuf,
    kubeconfig: PathBuf,
    starts: usize,
    process: Process,
}

impl ControlPlane {
    /// Starts one with its state below `directory`.
    ///
    /// # Errors
    /// When it can't be built or isn't ready in time.
    pub async fn start(binary: &Path, directory: &Path) -> anyhow::Result<Self> {
        let state = directory.join("controlplane");
        let process = run(binary, &state, &directory.join("controlplane.log")).await?;
        Ok(Self { binary: binary.to_owned(), kubeconfig: state.join("kubeconfig"), state, starts: 1, process })
    }

    /// Stops it. Its state stays.
    ///
    /// # Errors
    /// When it doesn't end well in time.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.process.terminate()?;
        self.process.wait(STOPPED_WITHIN).await
    }

    /// Starts it again after [`ControlPlane::stop`], where it was and with what it had.
    ///
    /// # Errors
    /// When it isn't ready in time.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.starts += 1;
        let log = self.state.with_file_name(format!("controlplane-{}.log", self.starts));
        self.process = run(&self.binary, &self.state, &log).await?;
        Ok(())
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Its process, for the tests of how it ends.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

async fn run(binary: &Path, state: &Path, log: &Path) -> anyhow::Result<Process> {
    let arguments = [state.to_string_lossy().into_owned()];
    let name = "the control plane";
    let mut process = Process::start(&Start { name, program: binary, arguments: &arguments, environment: &[], log })?;
    let what = format!("the control plane (log: {})", log.display());
    wait::within(READY_WITHIN, &what, async || {
        if process.output()?.lines().any(|line| line == "READY") {
            return Ok(Some(Ok(())));
        }
        Ok(process.ended()?.map(Err))
    })
    .await?
    .or_else(|status| bail!("the control plane ended with {status}, see {}", log.display()))?;
    Ok(process)
}

/// The binary, built now if these sources were never built. That takes some minutes.
///
/// # Errors
/// When Go is missing or the build fails.
pub fn binary() -> anyhow::Result<PathBuf> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane");
    let digest = digest(&module)?;
    let binary = target::cache().join(format!("controlplane-{}", &digest[..12]));
    target::once(&binary, || {
        let versions: String = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
            .iter()
            .map(|package| {
                format!(" -X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor=1 -X {package}.gitMinor=36")
            })
            .collect();
        let unfinished = binary.with_extension("new");
        toolchain::run(
            Command::new(toolchain::go()?)
                .args(["build", "-tags", "grpcnotrace", "-trimpath", "-buildvcs=false", "-mod=readonly"])
                .arg(format!("-ldflags=-s -w{versions}"))
                .arg("-o")
                .arg(&unfinished)
                .arg(".")
                .env("CGO_ENABLED", "0")
                .env("GOTOOLCHAIN", "local")
                .env_remove("GOFLAGS")
                .current_dir(&module),
            "build the control plane of the tests (needs the Go module proxy)",
        )?;
        std::fs::rename(&unfinished, &binary)?;
        Ok(())
    })?;
    Ok(binary)
}

/// A digest of all files of the module: a changed one makes another binary.
fn digest(module: &Path) -> anyhow::Result<String> {
    let files = std::fs::read_dir(module).with_context(|| format!("list {}", module.display()))?;
    let mut files = files.map(|file| Ok(file?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let text = std::fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        // Lengths keep two files from passing for one.
        digest.update(format!("{} {}\n", file.file_name().unwrap_or_default().to_string_lossy(), text.len()));
        digest.update(text);
    }
    Ok(hex::encode(digest.finalize()))
}
