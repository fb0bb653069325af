//! The tools that count what a process does.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use lambdaroute_tests::toolchain;

/// What counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tool {
    /// Instructions in user space.
    Callgrind,
    /// System calls.
    Strace,
}

impl Tool {
    fn program(self) -> &'static str {
        match self {
            Self::Callgrind => "valgrind",
            Self::Strace => "strace",
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_there(self) -> bool {
        let mut command = Command::new(self.program());
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// What goes before the command that is counted. The counts go to `output` when that ends.
    pub(crate) fn command(self, output: &Path) -> Vec<String> {
        let output = output.display();
        match self {
            Self::Callgrind => vec![
                "valgrind".to_owned(),
                "--tool=callgrind".to_owned(),
                "--quiet".to_owned(),
                "--instr-atstart=no".to_owned(),
                format!("--callgrind-out-file={output}"),
            ],
            Self::Strace => {
                ["strace", "-f", "-c", "-U", "calls,name", "-o", &output.to_string()].map(str::to_owned).into()
            }
        }
    }

    /// Counts from now on. What gathers randomness when a process starts takes as long as it likes: it would drown what a
    /// thousand requests cost.
    pub(crate) fn begin(self, process: u32) -> anyhow::Result<()> {
        match self {
            Self::Callgrind => toolchain::run(
                Command::new("callgrind_control").arg("--instr=on").arg(process.to_string()),
                "tell callgrind to begin",
            ),
            Self::Strace => Ok(()),
        }
    }

    /// The total in an output.
    pub(crate) fn read(self, output: &Path) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(output).with_context(|| format!("read {}", output.display()))?;
        let total = match self {
            Self::Callgrind => callgrind(&text),
            Self::Strace => strace(&text),
        };
        total.with_context(|| format!("{} holds no total", output.display()))
    }
}

fn callgrind(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("totals: ").or_else(|| line.strip_prefix("summary: ")))?.trim().parse().ok()
}

fn strace(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.trim().strip_suffix(" total"))?.trim().parse().ok()
}
