//! The AWS side of the environment as one thing: the emulator, its principals, the gate before it, and the functions.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;

use crate::aws::Api;
use crate::credentials::AwsCredentials;
use crate::emulator::{ACCOUNT, Emulator, REGION};
use crate::functions::Functions;
use crate::gate::{Gate, LambdaRules};
use crate::origin::Origin;
use crate::principals::{Principal, Principals};
use crate::venv::Venv;

/// Names an emulator that runs already: `host:port` or a URL without a path. Our own variables only: a test never
/// writes to what the shell's usual ones point at.
pub const ENDPOINT_VARIABLE: &str = "LAMBDAROUTE_TEST_AWS_ENDPOINT";
/// The administrator's key for it.
pub const ACCESS_KEY_VARIABLE: &str = "LAMBDAROUTE_TEST_AWS_ACCESS_KEY_ID";
/// The secret of that key.
pub const SECRET_KEY_VARIABLE: &str = "LAMBDAROUTE_TEST_AWS_SECRET_ACCESS_KEY";

/// AWS, for one test run.
#[derive(Debug)]
pub struct Account {
    /// Behind the gate. Set-up may talk to it directly.
    pub emulator: Emulator,
    /// Who there is.
    pub principals: Principals,
    /// What the controller and the proxies under test take for AWS.
    pub gate: Gate,
    /// Where tests deploy their functions.
    pub functions: Functions,
    /// Python: for botocore's judgement.
    pub venv: Venv,
}

impl Account {
    /// Brings it up. `cache` outlives runs (the Python environment goes there), `directory` is this run's own, `run`
    /// is a short name of it, of `[a-z0-9-]`.
    pub async fn start(cache: &Path, directory: &Path, run: &str) -> anyhow::Result<Self> {
        let venv = Venv::ensure(cache).await?;
        let emulator = match std::env::var(ENDPOINT_VARIABLE) {
            Ok(endpoint) => existing(&endpoint, directory).await?,
            Err(_) => Emulator::start(&venv, directory).await?,
        };
        let principals = Principals::create(emulator.address(), emulator.admin(), run).await?;
        let rules =
            LambdaRules::new(emulator.address(), emulator.admin().clone(), principals.keys.clone(), ACCOUNT, REGION);
        let gate = Gate::before_emulator(emulator.address(), rules).await?;
        let functions = Functions::new(&emulator, &principals);
        Ok(Self { emulator, principals, gate, functions, venv })
    }

    /// AWS as a principal sees it, through the gate.
    pub fn api(&self, principal: &Principal) -> Api {
        Api::new(self.gate.address(), principal.credentials.clone(), REGION)
    }

    /// The same with the AWS SDK, without retries.
    pub fn sdk(&self, principal: &Principal) -> aws_sdk_lambda::Client {
        crate::functions::client(&self.gate.url(), &principal.credentials)
    }

    /// An origin that knows the same principals.
    pub async fn origin(&self) -> anyhow::Result<Origin> {
        Origin::start(self.principals.keys.clone(), REGION).await
    }

    /// The variables that make a process act as `principal` against the gate: credentials, Region, endpoint; and that
    /// keep it from everything else that a machine may offer (profiles, the instance's role).
    pub fn environment(&self, principal: &Principal) -> Vec<(String, String)> {
        let mut variables = principal.credentials.environment();
        let fixed = [
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.gate.url()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ];
        variables.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
        variables
    }
}

async fn existing(endpoint: &str, directory: &Path) -> anyhow::Result<Emulator> {
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let address: SocketAddr = tokio::net::lookup_host(host)
        .await
        .with_context(|| format!("{ENDPOINT_VARIABLE}={endpoint} is no host:port"))?
        .next()
        .with_context(|| format!("{ENDPOINT_VARIABLE}={endpoint} has no address"))?;
    let key = std::env::var(ACCESS_KEY_VARIABLE).unwrap_or_else(|_| ACCOUNT.to_owned());
    let secret = std::env::var(SECRET_KEY_VARIABLE).unwrap_or_else(|_| "test".to_owned());
    tokio::fs::create_dir_all(directory.join("invocations")).await?;
    Ok(Emulator::existing(address, AwsCredentials::key(key, secret), directory))
}
