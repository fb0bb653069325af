//! What all tests of a run share: one control plane with the CRD, one emulator with its principals. Brought up once,
//! ended with the process. Nothing of a user's own configuration is read: variables of our own name what is to be used
//! instead (this one and those of `account.rs`); the usual ones (`KUBECONFIG`, `AWS_*`) never reach anything here.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, OnceCell};

use crate::account::Account;
use crate::cluster::Cluster;
use crate::controlplane::{self, ControlPlane};
use crate::target;

/// Names a kubeconfig of a cluster to test on, in place of the embedded one.
pub const KUBECONFIG: &str = "LAMBDAROUTE_TEST_KUBECONFIG";

/// The label of a namespace that [`ORDINARY`] doesn't name.
pub const GUARDED: &str = "tests.lambdaroute.dev/guarded";

/// Policies are the whole cluster's, which all tests share: with this one, others take nothing from anybody, and each test may
/// add what its own namespace needs.
const ORDINARY: &str = "
apiVersion: lambdaroute.dev/v1alpha1
kind: LambdaAccessPolicy
metadata: {name: tests-ordinary}
spec:
  namespaceSelector: {matchExpressions: [{key: tests.lambdaroute.dev/guarded, operator: DoesNotExist}]}
  functions: ['arn:*:lambda:*:*:function:*']
";

/// Tells a person what is going on.
pub type Progress = fn(&str);

/// The shared parts.
#[derive(Debug)]
pub struct Environment {
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// AWS.
    pub account: Account,
    /// State and logs of this run.
    pub directory: PathBuf,
    control_plane: Mutex<Option<ControlPlane>>,
}

/// A runtime that outlives each test's own: what is shared runs here.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> anyhow::Result<&'static Runtime> {
    static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(Runtime::new);
    RUNTIME.as_ref().map_err(|error| anyhow::anyhow!("start a runtime: {error}"))
}

impl Environment {
    /// Brings everything up, or takes what the variables name.
    ///
    /// # Errors
    /// When a toolchain is missing or a part doesn't start; one sentence each.
    pub async fn start(name: &str, progress: Progress) -> anyhow::Result<Self> {
        let directory = target::run_directory(name)?;
        let cluster = start_cluster(&directory, progress);
        let account = start_account(&directory, progress);
        let ((kubeconfig, control_plane), account) = tokio::try_join!(cluster, account)?;
        Ok(Self { kubeconfig, account, directory, control_plane: Mutex::new(control_plane) })
    }

    /// Stops the control plane of an environment that is a test's own. Its state stays.
    ///
    /// # Errors
    /// When it isn't the embedded one, or doesn't end well in time.
    pub async fn stop_control_plane(&self) -> anyhow::Result<()> {
        self.control_plane.lock().await.as_mut().context("the control plane isn't ours to stop")?.stop().await
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it isn't the embedded one, or isn't ready in time.
    pub async fn start_control_plane(&self) -> anyhow::Result<()> {
        self.control_plane.lock().await.as_mut().context("the control plane isn't ours to start")?.start_again().await
    }

    /// The environment of this test process.
    ///
    /// # Errors
    /// As [`Environment::start`].
    pub async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceCell<Environment> = OnceCell::const_new();
        let start = || {
            runtime()?.block_on(async {
                let environment = Self::start("test", |_| {}).await?;
                environment.cluster().await?.apply_yaml(ORDINARY, None).await?;
                Ok::<_, anyhow::Error>(environment)
            })
        };
        let shared = SHARED.get_or_try_init(async || tokio::task::spawn_blocking(start).await?).await?;
        // The test runner shows it with a failed test alone.
        eprintln!("state and logs of this run: {}", shared.directory.display());
        Ok(shared)
    }

    /// A client of the cluster. One for each test: a client lives as long as the test's runtime.
    ///
    /// # Errors
    /// When the kubeconfig can't be read.
    pub async fn cluster(&self) -> anyhow::Result<Cluster> {
        Cluster::connect(&self.kubeconfig).await
    }
}

async fn start_cluster(directory: &Path, progress: Progress) -> anyhow::Result<(PathBuf, Option<ControlPlane>)> {
    let (kubeconfig, control_plane) = match std::env::var_os(KUBECONFIG) {
        Some(path) => (PathBuf::from(path), None),
        None => {
            progress("building the Kubernetes control plane (minutes the first time, then never again)");
            let binary = tokio::task::spawn_blocking(controlplane::binary).await??;
            progress("starting etcd, the API server and the controllers");
            let control_plane = ControlPlane::start(&binary, directory).await?;
            (control_plane.kubeconfig().to_owned(), Some(control_plane))
        }
    };
    let cluster = Cluster::connect(&kubeconfig).await?;
    for crd in lambdaroute_crds::crds() {
        cluster.establish(&serde_json::to_value(crd)?).await.context("install the CRDs")?;
    }
    Ok((kubeconfig, control_plane))
}

async fn start_account(directory: &Path, progress: Progress) -> anyhow::Result<Account> {
    progress("starting the AWS emulator with IAM enforced (its Python environment takes a minute the first time)");
    let run = format!("{:08x}", rand::random::<u32>());
    Account::start(&target::cache(), &directory.join("aws"), &run).await
}
