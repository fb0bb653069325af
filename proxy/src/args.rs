//! The flags. Each has an environment variable of the same name; nothing else configures the proxy but the route table
//! and the AWS SDK's own variables.

mod size;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use size::{header_size, size};

use crate::config_page::Flags;

/// Serves LambdaRoutes: signs requests and forwards them to function URLs.
#[derive(Clone, Debug, Parser)]
#[command(name = "lambdaroute-proxy", version, about, max_term_width = 120)]
pub struct Args {
    /// Controller to get the route table from: a name that is resolved to all its addresses (a headless Service), and a
    /// port. Several: repeat the flag or separate by commas
    #[arg(
        long,
        env = "LAMBDAROUTE_CONTROLLER_ADDRESS",
        value_name = "HOST:PORT",
        value_delimiter = ',',
        required = true
    )]
    pub controller_address: Vec<HostPort>,

    /// PEM file with the CA certificates that the controller's certificate must come from. Read again at each connect; it
    /// may hold an old and a new CA
    #[arg(long, env = "LAMBDAROUTE_CONTROLLER_CA_FILE", value_name = "FILE")]
    pub controller_ca_file: PathBuf,

    /// File with the ServiceAccount token (audience lambdaroute.dev) that proves this proxy to the controller. Read again
    /// at each connect
    #[arg(long, env = "LAMBDAROUTE_TOKEN_FILE", value_name = "FILE")]
    pub token_file: PathBuf,

    /// Directory to keep the route table in over a restart. On memory (an emptyDir of medium Memory): it may hold headers
    /// with values from Secrets. Absent: a restart needs a controller
    #[arg(long, env = "LAMBDAROUTE_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,

    /// Address that the routes' ports are bound on. `::` is both families, or IPv4 alone where the host has no IPv6
    #[arg(long, env = "LAMBDAROUTE_LISTEN_ADDRESS", value_name = "IP", default_value = "::")]
    pub listen_address: IpAddr,

    /// Address of /livez, /readyz and /metrics, and of /config on loopback. Port 0 takes a free one and logs it
    #[arg(long, env = "LAMBDAROUTE_ADMIN_ADDRESS", value_name = "IP:PORT", default_value = "[::]:9902")]
    pub admin_address: SocketAddr,

    /// Dial this http or https URL in place of each function URL (an emulator, a private endpoint). Host header and
    /// signature stay those of the function URL
    #[arg(long, env = "LAMBDAROUTE_FUNCTION_URL_ENDPOINT", value_name = "URL")]
    pub function_url_endpoint: Option<FunctionUrlEndpoint>,

    /// Answer 503 once the last contact with a controller is older than this. Absent: serve the last table for ever
    #[arg(long, env = "LAMBDAROUTE_MAX_TABLE_AGE", value_name = "DURATION", value_parser = duration)]
    pub max_table_age: Option<Duration>,

    /// How long a connection to a function URL may take, TLS included
    #[arg(long, env = "LAMBDAROUTE_CONNECT_TIMEOUT", value_name = "DURATION", value_parser = positive, default_value = "5s")]
    pub connect_timeout: Duration,

    /// How long a caller may take to send a request's headers, and how long an idle connection of a caller is kept
    #[arg(long, env = "LAMBDAROUTE_HEADER_READ_TIMEOUT", value_name = "DURATION", value_parser = positive, default_value = "60s")]
    pub header_read_timeout: Duration,

    /// How long a caller may pause while it sends a request's body
    #[arg(long, env = "LAMBDAROUTE_BODY_IDLE_TIMEOUT", value_name = "DURATION", value_parser = positive, default_value = "30s")]
    pub body_idle_timeout: Duration,

    /// How long a caller may take nothing of an answer that waits for it; then its connection, or over HTTP/2 its request, is
    /// reset
    #[arg(long, env = "LAMBDAROUTE_SEND_TIMEOUT", value_name = "DURATION", value_parser = positive, default_value = "60s")]
    pub send_timeout: Duration,

    /// Threads that serve requests. Absent: as many as the process has cores, by its CPU quota and affinity
    #[arg(long, env = "LAMBDAROUTE_WORKERS", value_name = "NUMBER")]
    pub workers: Option<NonZeroUsize>,

    /// Memory for request bodies in flight, such as 64Mi. One route gets a quarter of it at most, which also is the largest
    /// body. Absent: a quarter of the container's memory limit, or of the machine's memory
    #[arg(long, env = "LAMBDAROUTE_BODY_MEMORY", value_name = "SIZE", value_parser = size)]
    pub body_memory: Option<usize>,

    /// Connections of callers at once. One more is closed at once. Absent: 10000, or as many as half of the container's
    /// memory limit (or of the machine's memory) holds unfinished headers of
    #[arg(long, env = "LAMBDAROUTE_MAX_CONNECTIONS", value_name = "NUMBER")]
    pub max_connections: Option<NonZeroUsize>,

    /// Requests in flight on one HTTP/2 connection
    #[arg(long, env = "LAMBDAROUTE_MAX_STREAMS_PER_CONNECTION", value_name = "NUMBER", default_value = "128")]
    pub max_streams_per_connection: NonZeroU32,

    /// Requests on one connection; then the caller is asked to connect anew, maybe to another proxy
    #[arg(long, env = "LAMBDAROUTE_MAX_REQUESTS_PER_CONNECTION", value_name = "NUMBER", default_value = "10000")]
    pub max_requests_per_connection: NonZeroU32,

    /// Bytes of a request's headers, its target included; more are answered by 431. At least 8Ki
    #[arg(long, env = "LAMBDAROUTE_MAX_HEADER_BYTES", value_name = "SIZE", value_parser = header_size, default_value = "32Ki")]
    pub max_header_bytes: usize,

    /// Headers of a request; more are answered by 431
    #[arg(long, env = "LAMBDAROUTE_MAX_HEADER_COUNT", value_name = "NUMBER", default_value = "100")]
    pub max_header_count: NonZeroUsize,

    /// Proxies in front of this one (an ingress, a load balancer) whose X-Forwarded-For, -Host and -Proto are believed, as
    /// CIDR blocks. Absent: none, and the caller is the other end of the connection. Several: repeat the flag or separate
    /// by commas
    #[arg(
        long,
        env = "LAMBDAROUTE_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ',',
        value_parser = source_range
    )]
    pub trusted_proxies: Vec<ipnet::IpNet>,

    /// At SIGTERM: how long to wait until the controller has taken this proxy out of all EndpointSlices
    #[arg(long, env = "LAMBDAROUTE_LEAVE_TIMEOUT", value_name = "DURATION", value_parser = duration, default_value = "5s")]
    pub leave_timeout: Duration,

    /// Then: how long to serve on until the nodes' networks have followed the EndpointSlices
    #[arg(long, env = "LAMBDAROUTE_PROPAGATION_DELAY", value_name = "DURATION", value_parser = duration, default_value = "2s")]
    pub propagation_delay: Duration,

    /// Then: how long requests in flight may take to end after the listeners are closed
    #[arg(long, env = "LAMBDAROUTE_DRAIN_TIMEOUT", value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub drain_timeout: Duration,

    /// Keys (consumers, addresses, values of headers or claims) of one rate limit that have a bucket of their own. When all
    /// are taken, new ones share one
    #[arg(long, env = "LAMBDAROUTE_RATE_LIMIT_KEYS", value_name = "NUMBER", default_value = "10000")]
    pub rate_limit_keys: NonZeroUsize,

    /// Which requests are logged, on standard output
    #[arg(long, env = "LAMBDAROUTE_ACCESS_LOG", value_enum, default_value_t = AccessLogMode::Off)]
    pub access_log: AccessLogMode,

    /// Which part of the requests is logged with --access-log=sampled
    #[arg(long, env = "LAMBDAROUTE_ACCESS_LOG_SAMPLE", value_name = "0..1", value_parser = part, default_value = "0.01")]
    pub access_log_sample: f64,

    /// Form of the log
    #[arg(long, env = "LAMBDAROUTE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What is logged: a level (error, warn, info, debug, trace) or directives as in `info,rustls=debug`. Of other crates,
    /// what may hold a secret is never logged
    #[arg(long, env = "LAMBDAROUTE_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Which requests the access log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessLogMode {
    /// None.
    Off,
    /// A part of them, by chance.
    Sampled,
    /// All.
    On,
}

/// Reads the process's arguments and environment: the flags, and all of them as text, defaults too.
///
/// # Errors
/// What clap says of them: also a wish for help or the version.
pub fn read() -> Result<(Args, Flags), clap::Error> {
    read_from(std::env::args_os())
}

fn read_from(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<(Args, Flags), clap::Error> {
    let command = Args::command();
    let matches = command.clone().try_get_matches_from(arguments)?;
    let told = command.get_arguments().filter_map(|argument| {
        let values = matches.get_raw(argument.get_id().as_str())?;
        Some((argument.get_long()?.to_owned(), values.map(|value| value.to_string_lossy().into_owned()).collect()))
    });
    let told = told.collect();
    Ok((Args::from_arg_matches(&matches)?, told))
}

/// A name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A DNS name or an IP address, without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || format!("{text:?} is not HOST:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|host| host.contains(':')).ok_or_else(invalid)?,
            None if host.contains(':') => return Err(format!("{text:?}: put an IPv6 address in brackets")),
            None => host,
        };
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(invalid)?;
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(invalid());
        }
        Ok(HostPort { host: host.to_owned(), port })
    }
}

/// Where function URLs are dialled instead: scheme and authority, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionUrlEndpoint {
    /// `http` or `https`.
    pub scheme: http::uri::Scheme,
    /// Host and port. For https the certificate must be for this host.
    pub authority: http::uri::Authority,
}

impl FromStr for FunctionUrlEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: url::Url = text.parse().map_err(|error| format!("{text:?} is not a URL: {error}"))?;
        let scheme = match url.scheme() {
            "http" => http::uri::Scheme::HTTP,
            "https" => http::uri::Scheme::HTTPS,
            other => return Err(format!("scheme {other:?}: use http or https")),
        };
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err("give scheme, host and port only".to_owned());
        }
        let host = url.host_str().ok_or("the host is missing")?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let authority = authority.parse().map_err(|error| format!("{authority:?}: {error}"))?;
        Ok(FunctionUrlEndpoint { scheme, authority })
    }
}

/// A duration such as `30s`, `1m30s` or `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration =
        text.parse().map_err(|_| format!("{text:?} is not a duration: write 30s, 1m30s or 500ms"))?;
    Duration::try_from(parsed).map_err(|_| format!("{text:?} is negative"))
}

/// A part of all: above 0, at most 1.
fn part(text: &str) -> Result<f64, String> {
    let part = text.parse::<f64>().ok().filter(|part| *part > 0.0 && *part <= 1.0);
    part.ok_or_else(|| format!("{text:?} is not a number above 0 and at most 1"))
}

/// A block of addresses, such as `10.0.0.0/8`.
fn source_range(text: &str) -> Result<ipnet::IpNet, String> {
    lambdaroute_proxy_config::parse_source_range(text).map_err(|error| error.to_string())
}

/// A duration longer than nothing.
fn positive(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|d| if d.is_zero() { Err("must be longer than 0s".to_owned()) } else { Ok(d) })
}

#[cfg(test)]
mod tests;
