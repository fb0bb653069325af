//! Puts the process together: [`build`] binds and starts everything, [`Bound::run`] waits for the end and drains.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acceptor::Acceptor;
use crate::access_log::AccessLog;
use crate::admin::Admin;
use crate::args::Args;
use crate::aws::{CredentialStore, keep_fresh};
use crate::body::MAX_BODY;
use crate::body_memory::BodyMemory;
use crate::client_address::TrustedProxies;
use crate::config_page::Flags;
use crate::connection::{ConnectionLimits, Server};
use crate::contact::Contact;
use crate::file_limit;
use crate::head_limit::HeadLimit;
use crate::key_sets::KeySets;
use crate::lifecycle::Lifecycle;
use crate::limit::registry::Limits;
use crate::listeners::{Listeners, Setting, bind};
use crate::memory_limit::memory_limit;
use crate::metrics::Metrics;
use crate::moment::Moment;
use crate::programmer::{Programmer, record_contact};
use crate::report::CauseCounts;
use crate::serve::Proxy;
use crate::state_file::StateFile;
use crate::stream::Follower;
use crate::table::{SUPPORTED, Table};
use crate::upstream::{Connector, Origin, Upstream, choose_cryptography};
use crate::worker;

/// Messages of the controller that wait for the programmer.
const COMMANDS: usize = 16;
/// What the last write to the state directory may take at the end.
const LAST_SAVE: Duration = Duration::from_secs(2);
/// What writing the access log's last lines may take.
const LAST_LINES: Duration = Duration::from_secs(2);
/// The part of the process's memory that is for bodies, where nothing is said.
const BODY_PART: u64 = 4;

/// Why the proxy can't start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The admin port is taken or not ours to bind.
    #[error("binding the admin address {0}: {1}; choose another with --admin-address")]
    Admin(SocketAddr, io::Error),
    /// No connection can be made to what is to be dialled.
    #[error("--function-url-endpoint: its host is not one to connect to")]
    Endpoint,
    /// The system gives no more threads.
    #[error("starting a worker: {0}; give the process more threads or fewer --workers")]
    Worker(io::Error),
}

/// A proxy that runs.
pub struct Bound {
    /// Where /livez, /readyz and /metrics are.
    pub admin_address: SocketAddr,
    lifecycle: Arc<Lifecycle>,
    acceptor: Arc<Acceptor>,
    contact: Arc<Contact>,
    access_log: Arc<AccessLog>,
    tasks: TaskTracker,
    stop: CancellationToken,
    leave_timeout: Duration,
    propagation_delay: Duration,
    drain_timeout: Duration,
}

/// Binds the admin port, serves the table of the state directory if there is one, and starts to follow the controllers.
///
/// # Errors
/// The admin port can't be bound. Everything else is tried on.
pub async fn build(args: Args, flags: Flags) -> Result<Bound, BuildError> {
    let Args {
        controller_address,
        controller_ca_file,
        token_file,
        state_dir,
        listen_address,
        admin_address,
        function_url_endpoint,
        max_table_age,
        connect_timeout,
        header_read_timeout,
        body_idle_timeout,
        send_timeout,
        workers,
        body_memory,
        max_connections,
        max_streams_per_connection,
        max_requests_per_connection,
        max_header_bytes,
        max_header_count,
        trusted_proxies,
        leave_timeout,
        propagation_delay,
        drain_timeout,
        rate_limit_keys,
        access_log,
        access_log_sample,
        log_format: _,
        log_level: _,
    } = args;
    choose_cryptography();
    let admin_failed = |error| BuildError::Admin(admin_address, error);
    let admin_listener = bind(admin_address).and_then(TcpListener::from_std).map_err(admin_failed)?;
    let admin_address = admin_listener.local_addr().map_err(admin_failed)?;
    tracing::info!(what = "admin", address = %admin_address, "listening");

    let lifecycle = Arc::new(Lifecycle::new());
    let contact = Arc::new(Contact::new(max_table_age, Instant::now()));
    let metrics = Arc::new(Metrics::new());
    let dropped = metrics.access_log_dropped.clone();
    let access_log = Arc::new(AccessLog::start(access_log, access_log_sample, dropped).map_err(BuildError::Worker)?);
    let counts = Arc::new(CauseCounts::default());
    let credentials = Arc::new(CredentialStore::new());
    let key_sets = Arc::new(KeySets::default());
    let has_table = Arc::new(AtomicBool::new(false));
    let bodies = Arc::new(BodyMemory::new(body_memory.unwrap_or_else(default_body_memory)));
    if (bodies.route_limit() as u64) < MAX_BODY {
        tracing::warn!(
            largest_body = bodies.route_limit(),
            "--body-memory, or the memory limit that it comes from, is too small for the largest body that Lambda takes"
        );
    }
    metrics.body_memory_limit.set(i64::try_from(bodies.limit()).unwrap_or(i64::MAX));
    metrics.open_files_limit.set(i64::try_from(file_limit::current()).unwrap_or(i64::MAX));
    let head_limit = HeadLimit { bytes: max_header_bytes, count: max_header_count.get() };
    let limits = ConnectionLimits {
        header_read_timeout,
        send_timeout,
        head: head_limit,
        max_streams: max_streams_per_connection.get(),
        max_requests: max_requests_per_connection.get(),
    };
    let max_connections = max_connections.map_or_else(|| limits.most_connections(memory_limit()), NonZeroUsize::get);
    let connector = Arc::new(Connector::default());
    let mut seats = Vec::new();
    for index in 0..workers.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get) {
        let proxy = Proxy {
            credentials: credentials.clone(),
            upstream: Upstream::new(connector.clone(), connect_timeout),
            contact: contact.clone(),
            counts: counts.clone(),
            metrics: metrics.clone(),
            lifecycle: lifecycle.clone(),
            access_log: access_log.clone(),
            bodies: bodies.clone(),
            head_limit,
            body_idle_timeout,
            trusted_proxies: TrustedProxies::new(&trusted_proxies),
        };
        seats.push(worker::serve(index, Server::new(Arc::new(proxy), limits)).map_err(BuildError::Worker)?);
    }
    // Not on this thread: a caller must not wait for a table or a scrape.
    let acceptor = Acceptor::start(seats, max_connections, lifecycle.clone(), metrics.clone());
    let acceptor = acceptor.map_err(BuildError::Worker)?;
    let endpoint = function_url_endpoint.as_ref().map(Origin::of_endpoint).transpose();
    let listeners = Listeners::new(Setting {
        address: listen_address,
        endpoint: endpoint.map_err(|_| BuildError::Endpoint)?.map(Arc::new),
        acceptor: acceptor.clone(),
        metrics: metrics.clone(),
        limits: Arc::new(Limits::new(rate_limit_keys.get())),
        key_sets: key_sets.clone(),
    });

    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (commands, received) = mpsc::channel(COMMANDS);
    let admin = Admin {
        flags,
        commands: commands.clone(),
        contact: contact.clone(),
        has_table: has_table.clone(),
        credentials: credentials.clone(),
        lifecycle: lifecycle.clone(),
        metrics: metrics.clone(),
        bodies,
        scrapes: Mutex::default(),
    };
    tasks.spawn(admin.run(admin_listener, stop.clone()));
    tasks.spawn(keep_fresh(credentials.clone(), stop.clone()));

    let file = state_dir.as_deref().map(StateFile::in_directory);
    let mut programmer =
        Programmer::new(Table::new(SUPPORTED), listeners, key_sets, metrics.clone(), has_table, file.clone());
    if let Some(file) = file {
        restore(&file, &mut programmer, &contact);
        tasks.spawn(stop.clone().run_until_cancelled_owned(record_contact(file, contact.clone())));
    }
    tasks.spawn(programmer.run(received));
    let follower = Follower {
        controllers: controller_address,
        ca_file: controller_ca_file,
        token_file,
        commands,
        credentials,
        counts,
        lifecycle: lifecycle.clone(),
        contact: contact.clone(),
        metrics,
    };
    tasks.spawn(follower.run(stop.clone()));
    tasks.close();
    Ok(Bound {
        admin_address,
        lifecycle,
        acceptor,
        contact,
        access_log,
        tasks,
        stop,
        leave_timeout,
        propagation_delay,
        drain_timeout,
    })
}

fn default_body_memory() -> usize {
    usize::try_from(memory_limit() / BODY_PART).unwrap_or(usize::MAX)
}

fn restore(file: &StateFile, programmer: &mut Programmer, contact: &Contact) {
    match file.load() {
        Ok(Some((messages, last_contact))) => {
            contact.seen_before(last_contact, Moment::now());
            programmer.restore(messages);
        }
        Ok(None) => tracing::info!("no table in the state directory yet"),
        Err(error) => tracing::warn!(%error, "can't start from the state directory; waiting for a controller"),
    }
}

impl Bound {
    /// Runs until the first signal, then leaves and drains; a second signal (or nobody left to send one, once the first has
    /// come) ends it at once.
    pub async fn run(self, mut signals: mpsc::Receiver<()>) {
        signals.recv().await;
        tokio::select! {
            () = self.end() => {}
            Some(()) = signals.recv() => tracing::warn!("second signal: ending at once"),
        }
    }

    async fn end(&self) {
        tracing::info!("leaving: asking the controller to take this proxy out of its EndpointSlices");
        let mut left = self.lifecycle.left();
        self.lifecycle.leave();
        match timeout(self.leave_timeout, left.wait_for(|left| *left)).await {
            Ok(_) => tracing::info!("left all EndpointSlices"),
            Err(_) => tracing::warn!(
                connected = self.contact.is_connected(),
                "the controller gave no answer to the wish to leave; draining all the same"
            ),
        }
        tokio::time::sleep(self.propagation_delay).await;
        let connections = &self.lifecycle.connections;
        tracing::info!(connections = connections.len(), "draining");
        self.acceptor.close_all();
        self.lifecycle.draining.cancel();
        connections.close();
        if timeout(self.drain_timeout, connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "drain timeout: requests in flight are cut off");
        }
        self.stop.cancel();
        // The programmer ends with its last commander, with the table kept.
        if timeout(LAST_SAVE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks didn't end in time");
        }
        self.access_log.flush(LAST_LINES);
        tracing::info!("stopped");
    }
}
