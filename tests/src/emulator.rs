//! The AWS emulator: MiniStack with IAM enforcement, on loopback, with its files below the run's directory.
//! It stands behind the gate (`gate.rs`), which adds the rules of AWS that it lacks; only set-up talks to it directly.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::credentials::AwsCredentials;
use crate::venv::Venv;
use crate::wait;

/// Starts MiniStack, and ends it with us: it reads our end of a pipe.
const PROGRAM: &str = include_str!("../emulator/run.py");
/// The account that the embedded environment works in.
pub const ACCOUNT: &str = "111122223333";
/// The Region of it.
pub const REGION: &str = "eu-west-1";
/// Cold, on two busy cores, it needs about 4 s.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// A port that was free a moment ago may be taken: another is tried.
const STARTS: usize = 3;

/// Where AWS is for this run, and an administrator of it.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    admin: AwsCredentials,
    directory: PathBuf,
    process: Option<Child>,
}

impl Emulator {
    /// Starts one and waits until it answers. `directory` is this run's own; log, state and functions go there.
    pub async fn start(venv: &Venv, directory: &Path) -> anyhow::Result<Self> {
        for folder in ["tmp", "state", "invocations"] {
            tokio::fs::create_dir_all(directory.join(folder)).await?;
        }
        let mut refused = None;
        for _ in 0..STARTS {
            match Self::start_on(free_port()?, venv, directory).await {
                Ok(emulator) => return Ok(emulator),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| anyhow::anyhow!("the emulator was never started")))
    }

    async fn start_on(port: u16, venv: &Venv, directory: &Path) -> anyhow::Result<Self> {
        let log = directory.join("emulator.log");
        let output = std::fs::File::create(&log)?;
        let process = Command::new(venv.python())
            .args(["-c", PROGRAM])
            .env_clear()
            .env("PATH", venv.search_path()?)
            .env("HOME", directory)
            .env("TMPDIR", directory.join("tmp"))
            .env("STATE_DIR", directory.join("state"))
            .env("S3_DATA_DIR", directory.join("state/s3"))
            .env("PERSIST_STATE", "0")
            .env("AUTH", "true")
            .env("BIND_HOST", Ipv4Addr::LOCALHOST.to_string())
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
            .env("LAMBDA_EXECUTOR", "local")
            .env("PYTHONUNBUFFERED", "1")
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("start the emulator")?;
        let mut emulator = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            admin: AwsCredentials::key(ACCOUNT, "test"),
            directory: directory.to_owned(),
            process: Some(process),
        };
        emulator.wait_until_ready(&log).await?;
        Ok(emulator)
    }

    /// One that runs already, with an administrator's key for it. It is never stopped.
    pub fn existing(address: SocketAddr, admin: AwsCredentials, directory: &Path) -> Self {
        Self { address, admin, directory: directory.to_owned(), process: None }
    }

    async fn wait_until_ready(&mut self, log: &Path) -> anyhow::Result<()> {
        let url: http::Uri = format!("http://{}/_ministack/ready", self.address).parse()?;
        let client = crate::aws::plain_client();
        let what = format!("the emulator to be ready, see {}", log.display());
        let ended = wait::within(READY_WITHIN, &what, async || {
            if let Some(status) = self.process.as_mut().map(Child::try_wait).transpose()?.flatten() {
                return Ok(Some(Some(status)));
            }
            let ready = client.get(url.clone()).await.is_ok_and(|answer| answer.status().is_success());
            Ok(ready.then_some(None))
        })
        .await?;
        match ended {
            None => Ok(()),
            Some(status) => bail!("the emulator ended ({status}) before it was ready, see {}", log.display()),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL for set-up as administrator; the processes under test get the gate's.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An administrator of [`ACCOUNT`].
    pub fn admin(&self) -> &AwsCredentials {
        &self.admin
    }

    /// Where functions leave the marks of their invocations.
    pub(crate) fn invocations(&self) -> PathBuf {
        self.directory.join("invocations")
    }

    /// Its log, for the message of a failed test.
    pub fn log(&self) -> PathBuf {
        self.directory.join("emulator.log")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let group = self.process.as_ref().and_then(Child::id).and_then(|id| Pid::from_raw(id.cast_signed()));
        if let Some(group) = group {
            // The functions' processes are in the group. It may have ended by itself: nothing to do then.
            let _ = kill_process_group(group, Signal::KILL);
            // The functions' code. The log stays.
            let _ = std::fs::remove_dir_all(self.directory.join("tmp"));
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
