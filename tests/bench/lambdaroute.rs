//! The proxy with everything on: it checks the caller's key, counts a limit, signs, and counts its metrics.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{
    ApiKeyAuth, Auth, AuthMethod, AuthType, Consumer, Consumers, KeySet, RateLimit, ResourceType, Route, auth_method,
    key_set, outcome, resource,
};
use lambdaroute_tests::lone_proxy::{LoneProxy, Program, route};
use lambdaroute_tests::route_table::RouteTable;
use lambdaroute_tests::wait::eventually;
use sha2::{Digest, Sha256};

use crate::cores;
use crate::upstream::{API_KEY, HOST, LIMIT, Transport, Upstreams, credentials};
use lambdaroute_tests::usage::Group;

const PORT: u16 = 18080;
/// The measured route's id.
const ROUTE: &str = "benchmark";
/// The callers' keys.
const KEYS: &str = "benchmark-keys";
/// What it takes to end at once when it is told to.
const FLAGS: [&str; 3] = ["--leave-timeout=0s", "--propagation-delay=0s", "--drain-timeout=0s"];

/// A running proxy with one route.
pub(crate) struct LambdaRoute {
    pub(crate) proxy: LoneProxy,
    pub(crate) table: RouteTable,
    pub(crate) target: SocketAddr,
    pub(crate) group: Group,
}

impl LambdaRoute {
    /// Starts it, and waits until it serves.
    pub(crate) async fn start(
        program: &Path,
        upstreams: &Upstreams,
        transport: Transport,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        Self::start_under(&[], program, upstreams, transport, directory).await
    }

    /// As [`LambdaRoute::start`], run by a tool.
    pub(crate) async fn start_under(
        tool: &[String],
        program: &Path,
        upstreams: &Upstreams,
        transport: Transport,
        directory: &Path,
    ) -> anyhow::Result<Self> {
        let table = RouteTable::start(1).await?;
        table.set_resources([
            (KEYS.to_owned(), resource::Resource::KeySet(keys())),
            (ROUTE.to_owned(), resource::Resource::Route(numbered(ROUTE, PORT))),
        ]);
        let port = upstreams.origin(transport).address.port();
        let (name, endpoint) = match transport {
            Transport::Plain => ("lambdaroute-plain", format!("http://127.0.0.1:{port}")),
            Transport::Tls => ("lambdaroute-tls", format!("https://localhost:{port}")),
        };
        let own = directory.join(name);
        let mut before: Vec<String> = tool.to_vec();
        before.push(program.display().to_string());
        let program = Program {
            path: before.remove(0).into(),
            before,
            environment: vec![("SSL_CERT_FILE".to_owned(), upstreams.certificate.display().to_string())],
        };
        let credentials = credentials();
        let start = LoneProxy::start_program(&program, &table, &endpoint, &credentials, &own, &FLAGS);
        let proxy = cores::start(start).await?;
        let target = SocketAddr::new(IpAddr::V4(proxy.address), PORT);
        let group = Group(proxy.component.process.id());
        let own = Self { proxy, table, target, group };
        own.serves(1).await?;
        eventually("the proxy to have credentials", async || {
            Ok(own.proxy.admin("/readyz").await?.status.is_success().then_some(()))
        })
        .await?;
        Ok(own)
    }

    /// Waits until it serves so many routes.
    pub(crate) async fn serves(&self, routes: usize) -> anyhow::Result<()> {
        eventually(&format!("{routes} routes to be served"), async || {
            let heard = self.table.heard();
            let served = heard.outcomes.values().filter(|outcome| {
                let is_route = outcome.resource.as_ref().is_some_and(|it| it.r#type() == ResourceType::Route);
                is_route && matches!(outcome.outcome, Some(outcome::Outcome::Served(_)))
            });
            Ok((served.count() == routes).then_some(()))
        })
        .await
    }
}

/// A route as it is measured: for callers with a key, with a limit that nobody reaches.
pub(crate) fn numbered(name: &str, port: u16) -> Route {
    let keys = ApiKeyAuth { header: "x-api-key".to_owned(), key_sets: vec![KEYS.to_owned()] };
    let method = AuthMethod { name: "keys".to_owned(), method: Some(auth_method::Method::ApiKey(keys)) };
    let limit = RateLimit {
        name: "all".to_owned(),
        requests: LIMIT.into(),
        interval_ms: 1000,
        burst: LIMIT.into(),
        keys: vec![],
    };
    let mut route = Route {
        auth: Some(Auth { methods: vec![method] }),
        rate_limits: vec![limit],
        ..route(name, port, HOST, AuthType::AwsIam)
    };
    route.requires = feature::of(&route).into_iter().map(str::to_owned).collect();
    route
}

fn keys() -> KeySet {
    let consumer = Consumer { name: "benchmark".to_owned(), sha256: vec![Sha256::digest(API_KEY).to_vec()] };
    KeySet { keys: Some(key_set::Keys::Consumers(Consumers { consumers: vec![consumer] })) }
}
