//! A proxy with a route-table server of the harness in place of a controller: for what is the proxy's alone.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use lambdaroute_proxy_config::feature;
use lambdaroute_proxy_config::v1alpha1::{AuthType, FunctionUrl, InvokeMode, Route, route::Upstream};

use crate::components::{Binary, Component};
use crate::credentials::AwsCredentials;
use crate::route_table::RouteTable;

const ADMIN_PORT: u16 = 9902;

/// The program to start as the proxy.
#[derive(Clone, Debug)]
pub struct Program {
    /// The proxy, or what runs it.
    pub path: PathBuf,
    /// Arguments before the proxy's own.
    pub before: Vec<String>,
    /// Variables besides the proxy's own.
    pub environment: Vec<(String, String)>,
}

/// A running proxy on a loopback address of its own.
#[derive(Debug)]
pub struct LoneProxy {
    /// The process.
    pub component: Component,
    /// The address of its listeners.
    pub address: Ipv4Addr,
}

impl LoneProxy {
    /// Starts one that follows `table`, signs with `credentials` and dials `endpoint` for every function URL.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn start(
        table: &RouteTable,
        endpoint: &str,
        credentials: &AwsCredentials,
        directory: &Path,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let program = Program { path: Binary::Proxy.path()?, before: vec![], environment: vec![] };
        Self::start_program(&program, table, endpoint, credentials, directory, flags).await
    }

    /// As [`LoneProxy::start`], of another build or under a tool.
    ///
    /// # Errors
    /// When it doesn't start.
    pub async fn start_program(
        program: &Program,
        table: &RouteTable,
        endpoint: &str,
        credentials: &AwsCredentials,
        directory: &Path,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let address = Ipv4Addr::new(127, rand::random_range(64..=250), rand::random_range(1..=250), 2);
        let file = |name: &str| directory.join(name).to_string_lossy().into_owned();
        std::fs::create_dir_all(file("state"))?;
        std::fs::write(file("ca.crt"), &table.ca_pem)?;
        std::fs::write(file("token"), "the harness asks for none")?;
        let mut arguments = program.before.clone();
        arguments.extend([
            format!("--controller-address={}", table.address),
            format!("--controller-ca-file={}", file("ca.crt")),
            format!("--token-file={}", file("token")),
            format!("--state-dir={}", file("state")),
            format!("--listen-address={address}"),
            format!("--admin-address={address}:{ADMIN_PORT}"),
            format!("--function-url-endpoint={endpoint}"),
        ]);
        arguments.extend(flags.iter().map(|&flag| flag.to_owned()));
        let mut environment = credentials.environment();
        // Nothing answers there: who it is, is not the question here.
        environment.push(("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:1".to_owned()));
        environment.push(("AWS_REGION".to_owned(), crate::emulator::REGION.to_owned()));
        environment.extend(program.environment.iter().cloned());
        let mut component = Component::start_program(&program.path, "proxy", &arguments, &environment, directory)?;
        component.address("admin").await?;
        Ok(Self { component, address })
    }

    /// The URL of a route's port.
    pub fn url(&self, port: u16) -> String {
        format!("http://{}:{port}", self.address)
    }

    /// What an admin path answers.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn admin(&self, path: &str) -> anyhow::Result<crate::http::Answer> {
        crate::http::get(&format!("http://{}:{ADMIN_PORT}{path}", self.address)).await
    }
}

/// A route of the table to a made-up function URL.
pub fn route(name: &str, port: u16, host: &str, auth_type: AuthType) -> Route {
    let requires = match auth_type {
        AuthType::None => [feature::FUNCTION_URL, feature::UNSIGNED].map(str::to_owned).to_vec(),
        _ => vec![feature::FUNCTION_URL.to_owned()],
    };
    Route {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        port: port.into(),
        requires,
        upstream: Some(Upstream::FunctionUrl(FunctionUrl {
            host: host.to_owned(),
            region: crate::emulator::REGION.to_owned(),
            auth_type: auth_type.into(),
            invoke_mode: InvokeMode::ResponseStream.into(),
            function_arn: format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}"),
        })),
        ..Route::default()
    }
}
