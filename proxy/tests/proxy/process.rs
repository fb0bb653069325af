//! The proxy's process: started with an environment of its own, its log read, killed at the end.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::controller::{Authority, Controller, Session, TOKEN, version};
use crate::upstream::Upstream;
use crate::{eventually, soon};
use lambdaroute_proxy_config::v1alpha1::Resource;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_lambdaroute-proxy");

pub(crate) struct Proxy {
    child: Child,
    pub(crate) admin: SocketAddr,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn start(arguments: &[String], variables: &[(&str, &str)]) -> Self {
        Self::start_by(Command::new(BINARY), arguments, variables).await
    }

    /// By something that becomes the proxy.
    pub(crate) async fn start_by(mut command: Command, arguments: &[String], variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut complaints = BufReader::new(child.stderr.take().unwrap()).lines();
        let complained = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = complaints.next_line().await {
                eprintln!("{line}");
                complained.lock().unwrap().push(line);
            }
        });
        let admin = soon("the admin port", async {
            loop {
                let line = lines.next_line().await.unwrap().expect("the proxy logs where its admin port is");
                log.lock().unwrap().push(line.clone());
                let event: serde_json::Value = serde_json::from_str(&line).unwrap();
                if event["message"] == "listening" && event["what"] == "admin" {
                    return event["address"].as_str().unwrap().parse().unwrap();
                }
            }
        })
        .await;
        let rest = log.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                rest.lock().unwrap().push(line);
            }
        });
        Proxy { child, admin, log }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        soon("the proxy's exit", self.child.wait()).await.unwrap()
    }

    pub(crate) fn logged(&self, part: &str) -> bool {
        self.log.lock().unwrap().iter().any(|line| line.contains(part))
    }

    pub(crate) async fn get_admin(&self, path: &str) -> (u16, String) {
        let answer = crate::requests::get(self.admin, path).await;
        (answer.status, answer.text())
    }
}

/// A proxy, the controller that it follows, and the upstream that it dials.
pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) authority: Authority,
    pub(crate) controller: Controller,
    pub(crate) upstream: Upstream,
    pub(crate) proxy: Proxy,
}

pub(crate) const CREDENTIALS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
    ("AWS_SESSION_TOKEN", "planted-token"),
];

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[], &CREDENTIALS).await
    }

    pub(crate) async fn start_with(more: &[&str], credentials: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::in_directory(directory.path());
        let controller = Controller::start(&authority).await;
        let upstream = Upstream::start().await;
        let mut arguments = arguments(directory.path(), &authority, &[controller.address], &upstream);
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let proxy = Proxy::start(&arguments, &variables(&upstream.url(), credentials)).await;
        World { directory, authority, controller, upstream, proxy }
    }

    /// Takes the proxy's stream, gives it these routes, and waits until it serves them.
    pub(crate) async fn serve(&mut self, routes: &[Resource]) -> Session {
        let mut session = self.controller.session().await;
        session.snapshot(version(1, 1), routes);
        for outcome in session.outcomes(routes.len()).await {
            assert!(outcome.starts_with("served "), "{outcome}");
        }
        let admin = self.proxy.admin;
        eventually("readiness", || async move { crate::requests::get(admin, "/readyz").await.status == 200 }).await;
        session
    }
}

pub(crate) fn arguments(
    directory: &Path,
    authority: &Authority,
    controllers: &[SocketAddr],
    upstream: &Upstream,
) -> Vec<String> {
    let token = directory.join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let controllers: Vec<String> = controllers.iter().map(SocketAddr::to_string).collect();
    let flags = [
        ("--controller-address", controllers.join(",")),
        ("--controller-ca-file", authority.file.display().to_string()),
        ("--token-file", token.display().to_string()),
        ("--state-dir", directory.display().to_string()),
        ("--listen-address", "127.0.0.1".to_owned()),
        ("--admin-address", "127.0.0.1:0".to_owned()),
        ("--function-url-endpoint", upstream.url()),
    ];
    flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

pub(crate) fn variables<'a>(endpoint: &'a str, credentials: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut variables =
        vec![("AWS_ENDPOINT_URL", endpoint), ("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    variables.extend(credentials);
    variables
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Proxy {
    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = self.told_by_the_kernel("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// A file of the process's in /proc.
    pub(crate) fn told_by_the_kernel(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id().unwrap())).unwrap()
    }
}
