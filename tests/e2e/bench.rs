//! A proxy between a route-table server and an origin, both of the harness: for what is the proxy's alone.

use lambdaroute_proxy_config::v1alpha1::{AuthType, outcome};
use lambdaroute_tests::credentials::{AwsCredentials, Identity, KnownKeys};
use lambdaroute_tests::lone_proxy::{LoneProxy, route};
use lambdaroute_tests::origin::Origin;
use lambdaroute_tests::route_table::RouteTable;
use lambdaroute_tests::target;
use lambdaroute_tests::wait::eventually;

/// An origin that knows one key, a table, and a proxy between them.
pub(crate) struct Bench {
    pub(crate) origin: Origin,
    pub(crate) table: RouteTable,
    pub(crate) proxy: LoneProxy,
}

/// One whose proxy has the flags that a test needs.
pub(crate) async fn bench(name: &str, flags: &[&str]) -> anyhow::Result<Bench> {
    bench_of(name, &AwsCredentials::key("AKIAEXAMPLE", "secret"), flags).await
}

/// One whose proxy signs with these credentials.
pub(crate) async fn bench_of(name: &str, credentials: &AwsCredentials, flags: &[&str]) -> anyhow::Result<Bench> {
    let keys = KnownKeys::default();
    keys.add(Identity {
        credentials: credentials.clone(),
        arn: "arn:aws:iam::111122223333:role/proxies".into(),
        may_invoke: true,
    });
    let origin = Origin::start(keys, "eu-west-1").await?;
    let table = RouteTable::start(1).await?;
    let directory = target::run_directory(name)?;
    let proxy = LoneProxy::start(&table, &origin.endpoint(), credentials, &directory, flags).await?;
    Ok(Bench { origin, table, proxy })
}

impl Bench {
    /// Sets a route and waits until the proxy says that it serves it.
    pub(crate) async fn serve(&self, name: &str, port: u16) -> anyhow::Result<String> {
        self.table.set(name, route(name, port, &self.origin.host(name), AuthType::AwsIam));
        self.served(name).await?;
        Ok(self.proxy.url(port))
    }

    /// Waits until the proxy says that it serves the route.
    pub(crate) async fn served(&self, id: &str) -> anyhow::Result<()> {
        eventually(&format!("{id} to be served"), async || {
            let served = matches!(self.outcome(id), Some(outcome::Outcome::Served(_)));
            Ok(served.then_some(()))
        })
        .await
    }

    /// What the proxy last said of the route.
    pub(crate) fn outcome(&self, id: &str) -> Option<outcome::Outcome> {
        self.table.heard().outcomes.get(id).and_then(|outcome| outcome.outcome.clone())
    }
}
