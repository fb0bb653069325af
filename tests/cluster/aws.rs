//! AWS for the suite: the emulator behind its gate on this host, a relay for the pods, functions, and the question whether
//! anything of ours is left there.

use std::path::Path;

use anyhow::ensure;
use lambdaroute_tests::emulator::{ACCOUNT, Emulator, REGION};
use lambdaroute_tests::functions::{Function, Functions, Handler};
use lambdaroute_tests::gate::{Gate, LambdaRules};
use lambdaroute_tests::principals::Principals;
use lambdaroute_tests::target;
use lambdaroute_tests::venv::Venv;

use crate::relay::Relay;
use crate::settings::Settings;

pub(crate) struct Aws {
    /// The URL that pods use.
    pub(crate) endpoint: String,
    pub(crate) principals: Principals,
    pub(crate) functions: Functions,
    _relay: Relay,
    _gate: Gate,
    _emulator: Emulator,
}

impl Aws {
    pub(crate) async fn start(settings: &Settings, directory: &Path) -> anyhow::Result<Self> {
        let venv = Venv::ensure(&target::cache()).await?;
        let emulator = Emulator::start(&venv, directory).await?;
        let principals = Principals::create(emulator.address(), emulator.admin(), "cluster").await?;
        let keys = principals.keys.clone();
        let rules = LambdaRules::new(emulator.address(), emulator.admin().clone(), keys, ACCOUNT, REGION);
        let gate = Gate::before_emulator(emulator.address(), rules).await?;
        let relay = Relay::open(settings.aws_listen, gate.address()).await?;
        let endpoint = settings.aws_endpoint.clone().unwrap_or_else(|| format!("http://{}", relay.address()));
        let functions = Functions::new(&emulator, &principals);
        Ok(Self { endpoint, principals, functions, _relay: relay, _gate: gate, _emulator: emulator })
    }

    /// A function whose answers name it.
    pub(crate) async fn echo(&self, name: &str) -> anyhow::Result<Function> {
        self.functions.deploy(name, Handler::Echo).await
    }

    /// A function that takes as long as it is asked to.
    pub(crate) async fn slow(&self, name: &str) -> anyhow::Result<Function> {
        self.functions.deploy(name, Handler::Slow).await
    }

    /// Neither URL config nor policy of this function is left.
    pub(crate) async fn assert_clean(&self, function: &Function) -> anyhow::Result<()> {
        let name = function.name();
        let url = function.url(None).await?;
        ensure!(url.is_none(), "{name} still has the URL {url:?}");
        let policy = self.functions.client().get_policy().function_name(name).send().await;
        let policy = match policy {
            Ok(policy) => policy.policy().unwrap_or_default().to_owned(),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        ensure!(!policy.contains("\"Sid\""), "{name} still has the policy {policy}");
        Ok(())
    }
}
