//! nginx as Debian packages it: one worker that passes requests through, unsigned, and keeps its connections upstream.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use lambdaroute_tests::process::{Process, Start};
use lambdaroute_tests::wait::eventually;

use crate::cores;
use crate::upstream::{HOST, Transport, Upstreams};
use lambdaroute_tests::usage::Group;

const PORTS: [u16; 2] = [18080, 18443];

/// A running nginx.
pub(crate) struct Nginx {
    pub(crate) process: Process,
    pub(crate) group: Group,
    address: IpAddr,
}

impl Nginx {
    /// Starts it on a loopback address of its own.
    pub(crate) async fn start(upstreams: &Upstreams, directory: &Path) -> anyhow::Result<Self> {
        let program = program()?;
        let address = Ipv4Addr::new(127, rand::random_range(64..=250), rand::random_range(1..=250), 3);
        let own = directory.join("nginx");
        std::fs::create_dir_all(&own)?;
        let configuration = own.join("nginx.conf");
        std::fs::write(&configuration, text(upstreams, address, &own))?;
        let arguments = ["-p".into(), own.display().to_string(), "-c".into(), configuration.display().to_string()];
        let log = directory.join("nginx.log");
        let process = cores::start(async {
            Process::start(&Start {
                name: "nginx",
                program: &program,
                arguments: &arguments,
                environment: &[],
                log: &log,
            })
        })
        .await?;
        let group = Group(process.id());
        let nginx = Self { process, group, address: address.into() };
        for transport in Transport::ALL {
            let target = nginx.target(transport);
            eventually("nginx to listen", async || Ok(tokio::net::TcpStream::connect(target).await.ok())).await?;
        }
        Ok(nginx)
    }

    pub(crate) fn target(&self, transport: Transport) -> SocketAddr {
        SocketAddr::new(self.address, PORTS[transport as usize])
    }
}

/// Where Debian puts it is not on everybody's PATH.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join("nginx"))
        .find(|program| program.exists())
        .context("nginx was not found: install it (Debian: apt-get install nginx-light)")
}

fn text(upstreams: &Upstreams, address: Ipv4Addr, directory: &Path) -> String {
    let [plain_port, tls_port] = PORTS;
    let (plain, tls) = (upstreams.plain.address, upstreams.tls.address);
    let directory = directory.display();
    let location = |upstream: &str, more: &str| {
        format!(
            "location / {{
                proxy_pass {upstream};
                proxy_http_version 1.1;
                proxy_set_header Connection \"\";
                proxy_set_header Host {HOST};
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_set_header X-Forwarded-Host $host;
                proxy_set_header X-Forwarded-Proto $scheme;
                proxy_request_buffering off;
                {more}
            }}"
        )
    };
    let plain_location = location("http://plain", "");
    let tls_location = location("https://tls", "proxy_ssl_protocols TLSv1.3;");
    format!(
        "daemon off;
        user root;
        worker_processes 1;
        pid {directory}/nginx.pid;
        error_log stderr warn;
        events {{ worker_connections 1024; }}
        http {{
            access_log off;
            keepalive_requests 1000000000;
            client_max_body_size 0;
            client_body_temp_path {directory}/body;
            proxy_temp_path {directory}/proxy;
            fastcgi_temp_path {directory}/fastcgi;
            uwsgi_temp_path {directory}/uwsgi;
            scgi_temp_path {directory}/scgi;
            upstream plain {{ server {plain}; keepalive 64; keepalive_requests 1000000000; }}
            upstream tls {{ server {tls}; keepalive 64; keepalive_requests 1000000000; }}
            server {{ listen {address}:{plain_port}; {plain_location} }}
            server {{ listen {address}:{tls_port}; {tls_location} }}
        }}
        "
    )
}
