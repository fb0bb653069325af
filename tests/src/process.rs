//! Child processes that never outlive the harness: killed when their handle goes, and, should the harness itself be
//! killed, by a watchdog that notices.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::wait;

/// Reads process groups, one a line (`-` before one that has ended), until its input closes: then the harness is gone, by
/// whatever cause, and so must they be.
const WATCHDOG: &str = r#"
groups=" "
while read -r line; do
    case $line in
        -*) groups=${groups%%" ${line#-} "*}" "${groups#*" ${line#-} "};;
        *) groups="$groups$line ";;
    esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
"#;

/// A running process with a log of its own.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A process to start.
#[derive(Debug)]
pub struct Start<'a> {
    /// What it is called in messages.
    pub name: &'a str,
    /// The program.
    pub program: &'a Path,
    /// Its arguments.
    pub arguments: &'a [String],
    /// All of its environment, but for `PATH` and `HOME`: whatever a shell happens to have set doesn't reach it.
    pub environment: &'a [(String, String)],
    /// Where its output goes; appended to.
    pub log: &'a Path,
}

impl Process {
    /// Starts it in a process group of its own, with standard input open for as long as the handle lives.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(start: &Start<'_>) -> anyhow::Result<Self> {
        let &Start { name, program, arguments, environment, log } = start;
        let output = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("open the log {}", log.display()))?;
        let inherited = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(inherited)
            .envs(environment.iter().map(|(name, value)| (name, OsStr::new(value))))
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name} ({})", program.display()))?;
        let process = Self { name: name.to_owned(), child, log: log.to_owned() };
        watch(&process.child.id().to_string())?;
        Ok(process)
    }

    /// Its id, which is its process group's too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What it has printed so far.
    ///
    /// # Errors
    /// When the log can't be read.
    pub fn output(&self) -> anyhow::Result<String> {
        let bytes = std::fs::read(&self.log).with_context(|| format!("read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Its status if it has ended.
    ///
    /// # Errors
    /// When the system doesn't say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// SIGKILL, at once.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait().with_context(|| format!("wait for {}", self.name))?;
        Ok(())
    }

    /// SIGTERM. Doesn't wait.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn terminate(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }

    /// SIGSTOP: it stands still, and knows nothing of it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: it goes on where it stood.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Closes its standard input, as the end of the harness would.
    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until it has ended by itself with success.
    ///
    /// # Errors
    /// When it fails, or doesn't end within the deadline.
    pub async fn wait(&mut self, deadline: Duration) -> anyhow::Result<()> {
        let what = format!("the end of {} (log: {})", self.name, self.log.display());
        let status = wait::within(deadline, &what, async || self.ended()).await?;
        if !status.success() {
            bail!("{} ended with {status}, see {}", self.name, self.log.display());
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let Some(group) = Pid::from_raw(self.child.id().cast_signed()) else { return Ok(()) };
        match kill_process_group(group, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("signal {}", self.name)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
        let _ = watch(&format!("-{}", self.child.id()));
    }
}

/// Tells the watchdog of a process group, starting it if this is the first.
fn watch(line: &str) -> anyhow::Result<()> {
    static INPUT: OnceLock<Mutex<Option<ChildStdin>>> = OnceLock::new();
    let input = INPUT.get_or_init(|| Mutex::new(None));
    let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
    if input.is_none() {
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("start the watchdog")?;
        *input = watchdog.stdin;
    }
    let Some(input) = input.as_mut() else { bail!("the watchdog has no input") };
    writeln!(input, "{line}").context("tell the watchdog")
}
