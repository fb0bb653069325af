//! The two binaries under test: built once per run, started as processes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::{Process, Start};
use crate::{target, toolchain, wait};

/// A debug build on a busy machine needs a second or two.
const LISTENING_WITHIN: Duration = Duration::from_secs(30);

/// One of the binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `lambdaroute-controller`.
    Controller,
    /// `lambdaroute-proxy`.
    Proxy,
}

impl Binary {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Binary::Controller => "lambdaroute-controller",
            Binary::Proxy => "lambdaroute-proxy",
        }
    }

    /// Where it is, fresh from the sources: cargo is asked once per run.
    ///
    /// # Errors
    /// When it doesn't compile.
    pub fn path(self) -> anyhow::Result<PathBuf> {
        static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
        if let Err(error) = built {
            bail!("{error}");
        }
        // Where cargo is told a target, its name is part of the path.
        let target = std::env::var_os("CARGO_BUILD_TARGET").unwrap_or_default();
        Ok(target::directory().join(target).join("debug").join(self.name()))
    }

    /// Where one is that loads a library before its libc. Those of a static build load none: another one is built beside them.
    ///
    /// # Errors
    /// When it doesn't compile.
    pub fn dynamic_path(self) -> anyhow::Result<PathBuf> {
        if !cfg!(target_feature = "crt-static") {
            return self.path();
        }
        let mut command = cargo();
        command.args(["build", "--quiet", "--package", self.name()]);
        // Who builds statically names a target, below which those are: this one isn't in their place.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        toolchain::run(&mut command, &format!("build a {} that isn't static", self.name()))?;
        Ok(target::directory().join("debug").join(self.name()))
    }
}

fn build() -> anyhow::Result<()> {
    toolchain::run(
        cargo().args(["build", "--quiet", "--package", Binary::Controller.name(), "--package", Binary::Proxy.name()]),
        "build the controller and the proxy",
    )
}

/// For this repository.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(target::repository());
    command
}

/// A running controller or proxy.
#[derive(Debug)]
pub struct Component {
    /// The process.
    pub process: Process,
    offset: usize,
}

impl Component {
    /// Starts a binary; its log goes on where a former process of the same name left it.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(
        binary: Binary,
        name: &str,
        flags: &[String],
        environment: &[(String, String)],
        directory: &Path,
    ) -> anyhow::Result<Self> {
        Self::start_program(&binary.path()?, name, flags, environment, directory)
    }

    /// As [`Component::start`], of a program that isn't the debug build.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_program(
        program: &Path,
        name: &str,
        flags: &[String],
        environment: &[(String, String)],
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let offset = std::fs::metadata(&log).map_or(0, |metadata| usize::try_from(metadata.len()).unwrap_or(0));
        let process = Process::start(&Start { name, program, arguments: flags, environment, log: &log })?;
        Ok(Self { process, offset })
    }

    /// The log lines of this process, as JSON.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn lines(&self) -> anyhow::Result<Vec<Value>> {
        let output = self.process.output()?;
        let own = output.get(self.offset..).unwrap_or_default();
        Ok(own.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// The address that it listens at for `what` (`admin`, `route-table`), from its own log.
    ///
    /// # Errors
    /// When it ends, or doesn't listen in time.
    pub async fn address(&mut self, what: &str) -> anyhow::Result<std::net::SocketAddr> {
        let log = self.process.log().display().to_string();
        let what_for = format!("the address of {what} in {log}");
        let address = wait::within(LISTENING_WITHIN, &what_for, async || {
            let found = self.lines()?.into_iter().find_map(|line| listening(&line, what));
            if found.is_none()
                && let Some(status) = self.process.ended()?
            {
                return Ok(Some(Err(anyhow::anyhow!("it ended with {status}, see {log}"))));
            }
            Ok(found.map(Ok))
        })
        .await??;
        address.parse().with_context(|| format!("{address} in {log}"))
    }
}

/// The address in a line `{"message": "listening", "what": …, "address": …}`, fields flat or below `fields`.
fn listening(line: &Value, what: &str) -> Option<String> {
    let fields = line.get("fields").unwrap_or(line);
    let says = |name: &str, text: &str| fields.get(name).and_then(Value::as_str) == Some(text);
    (says("message", "listening") && says("what", what))
        .then(|| fields["address"].as_str().map(str::to_owned))
        .flatten()
}
