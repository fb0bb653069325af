//! What all tests of a run share: one control plane with the CRD, one emulator with its principals. Brought up once,
//! ended with the process. Nothing of a user's own configuration is read: variables of our own name what is to be used
//! instead, the usual ones (`KUBECONFIG`, `AWS_*`) never reach anything here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::controlplane::{self, ControlPlane};
use crate::credentials::AwsCredentials;
use crate::emulator::Emulator;
use crate::principals::Principals;
use crate::target;
use crate::venv::Venv;

/// Names a kubeconfig of a cluster to test on, in place of the embedded one.
pub const KUBECONFIG: &str = "LAMBDAROUTE_TEST_KUBECONFIG";
/// Names the address (`host:port`) of an emulator to test on, in place of the embedded one.
pub const AWS_ENDPOINT: &str = "LAMBDAROUTE_TEST_AWS_ENDPOINT";

/// Tells a person what is going on.
pub type Progress = fn(&str);

/// The shared parts.
#[derive(Debug)]
pub struct Environment {
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// AWS.
    pub emulator: Emulator,
    /// Who is who in AWS.
    pub principals: Principals,
    /// Python, with botocore.
    pub venv: Venv,
    /// State and logs of this run.
    pub directory: PathBuf,
    _control_plane: Option<ControlPlane>,
}

impl Environment {
    /// Brings everything up, or takes what the variables name.
    ///
    /// # Errors
    /// When a toolchain is missing or a part doesn't start; one sentence each.
    pub async fn start(name: &str, progress: Progress) -> anyhow::Result<Self> {
        let directory = target::run_directory(name)?;
        let cluster = start_cluster(&directory, progress);
        let aws = start_aws(&directory, progress);
        let ((kubeconfig, control_plane), (venv, emulator, principals)) = tokio::try_join!(cluster, aws)?;
        Ok(Self { kubeconfig, emulator, principals, venv, directory, _control_plane: control_plane })
    }

    /// The environment of this test process.
    ///
    /// # Errors
    /// As [`Environment::start`].
    pub async fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceCell<Environment> = OnceCell::const_new();
        SHARED.get_or_try_init(|| Self::start("test", |_| {})).await
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
    cluster.establish(&serde_json::to_value(lambdaroute_crds::crd())?).await.context("install the CRD")?;
    Ok((kubeconfig, control_plane))
}

async fn start_aws(directory: &Path, progress: Progress) -> anyhow::Result<(Venv, Emulator, Principals)> {
    progress("making the Python environment of the AWS emulator (a minute the first time)");
    let venv = Venv::ensure(&target::cache()).await?;
    let folder = directory.join("aws");
    let emulator = match std::env::var(AWS_ENDPOINT) {
        Ok(address) => {
            let address: SocketAddr = address.parse().with_context(|| format!("{AWS_ENDPOINT} is no host:port"))?;
            tokio::fs::create_dir_all(folder.join("invocations")).await?;
            Emulator::existing(address, AwsCredentials::key(crate::emulator::ACCOUNT, "test"), &folder)
        }
        Err(_) => {
            progress("starting the AWS emulator, with IAM enforced");
            Emulator::start(&venv, &folder).await?
        }
    };
    let run = format!("{:08x}", rand::random::<u32>());
    let principals = Principals::create(emulator.address(), emulator.admin(), &run).await?;
    Ok((venv, emulator, principals))
}
