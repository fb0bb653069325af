//! Puts the parts together: binds, follows the cluster, waits for the Lease, leads until it is lost or the process ends.

mod parts;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use crate::admin::Admin;
use crate::args::Args;
use crate::leadership::{self, Leadership, Tenure};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::server::{Server, authentication, tls};
use crate::table::{Event, RouteTable, Settings};

pub(crate) use parts::{owner_of, terms};

/// How long parts may take to end.
const WIND_DOWN: Duration = Duration::from_secs(10);

/// Why the process ends, other than because it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address is taken or not ours.
    #[error("can't listen at {address} for the {what} port: {source}")]
    Bind {
        /// Which port.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The Deployment that owns our objects can't be read.
    #[error("can't read the deployment {name:?} (--owner-deployment): {source}")]
    Owner {
        /// Its name.
        name: String,
        /// Why.
        source: kube::Error,
    },
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// Another replica may lead now.
    #[error("leadership is lost, ending so that nothing is written in two places: {0}")]
    LeadershipLost(String),
    /// The reconciler ended.
    #[error("the reconciler ended: {0}")]
    Reconciler(anyhow::Error),
    /// The route table's server ended.
    #[error("the route table's server ended: {0}")]
    Server(String),
}

/// What the reconciler gets when this replica leads.
#[derive(Clone)]
pub struct Leading {
    /// The Kubernetes API.
    pub client: Client,
    /// The route table, to be primed.
    pub table: RouteTable,
    /// The right to write.
    pub leadership: Leadership,
    /// Who the leader's objects belong to.
    pub owner: Option<OwnerReference>,
    /// Cancelled when the process is to end: begin nothing new, finish what is under way, return.
    pub stop: CancellationToken,
}

/// The parts that live as long as the process.
pub struct App {
    /// The Kubernetes API.
    pub client: Client,
    /// The route table.
    pub table: RouteTable,
    /// What `/readyz` waits for; other parts may add to it.
    pub readiness: Readiness,
    /// All metrics, with their prefix; other parts may add to it before [`App::run`].
    pub registry: Registry,
    metrics: Metrics,
    args: Args,
}

impl App {
    /// The parts, not running yet.
    pub fn new(args: Args, client: Client) -> Self {
        let settings = Settings { proxies_per_route: args.route_table.proxies_per_route.into(), ..Settings::default() };
        let table = RouteTable::new(settings);
        let mut registry = Registry::with_prefix("lambdaroute_controller");
        registry.register("build", "The version of this binary", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let metrics = Metrics::register(&mut registry, table.clone());
        Self { client, table, readiness: Readiness::default(), registry, metrics, args }
    }

    /// Runs until `stop` is cancelled or something that must live has ended. `reconcile` is called once, when this
    /// replica leads.
    ///
    /// # Errors
    /// Why the process ends without being told to; a supervisor restarts it.
    pub async fn run<R, F>(self, stop: CancellationToken, reconcile: R) -> Result<(), Error>
    where
        R: FnOnce(Leading) -> F,
        F: Future<Output = Result<(), anyhow::Error>> + Send + 'static,
    {
        let Self { client, table, readiness, registry, metrics, args } = self;
        let admin_port = parts::bind("admin", args.admin.admin_address).await?;
        let table_port = parts::bind("route-table", args.route_table.route_table_address).await?;
        let waits = parts::Waits::new(&readiness);
        let admin = Arc::new(Admin { readiness, registry });
        let owner = parts::owner_of(&args, &client).await?;
        let shown = tls::Shown::default();
        let keeper = parts::keeper(&args, &client, owner.clone(), shown.clone());
        let _parts = parts::follow(&args, &client, &table, &waits, (admin_port, admin));

        let (leading, is_leading) = watch::channel(false);
        let allowed = args.route_table.proxy_service_account.iter().cloned().collect();
        let server = Server {
            table: table.clone(),
            leading: is_leading,
            authenticate: authentication::by_token_review(client.clone(), allowed),
            metrics: metrics.clone(),
            stop: stop.child_token(),
        };
        let mut serving = tokio::spawn(server.serve(table_port, shown.acceptor()?));

        let terms = parts::terms(&args, owner.clone());
        let leases = Api::namespaced(client.clone(), &args.namespace);
        // Told to stop comes first: the other parts end by it, too, and that is no failure.
        let mut tenure = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            tenure = leadership::acquire(leases, terms) => tenure,
            () = keeper.read(&waits.certificate) => pending().await,
            ended = &mut serving => return Err(server_ended(ended)),
        };
        let leadership = tenure.leadership();
        metrics.leading(leadership.epoch());
        table.apply(Event::Leading { epoch: leadership.epoch() });
        leading.send_replace(true);
        let parts = Leading { client: client.clone(), table: table.clone(), leadership, owner, stop: stop.clone() };
        let writing = parts::write(&parts, keeper, &waits, &metrics);
        let mut reconciling = AbortOnDropHandle::new(tokio::spawn(reconcile(parts)));

        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            reason = tenure.keep() => return Err(Error::LeadershipLost(reason)),
            ended = &mut reconciling => return Err(reconciler_ended(ended)),
            ended = &mut serving => return Err(server_ended(ended)),
        }
        wind_down(tenure, reconciling, serving, writing).await
    }
}

/// Renews while what is under way ends, then gives the Lease back.
async fn wind_down(
    mut tenure: Tenure,
    reconciling: AbortOnDropHandle<Result<(), anyhow::Error>>,
    serving: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    writing: parts::Parts,
) -> Result<(), Error> {
    info!("stopping");
    let ended = async {
        let _ = tokio::join!(reconciling, serving);
    };
    tokio::select! {
        reason = tenure.keep() => return Err(Error::LeadershipLost(reason)),
        _ = tokio::time::timeout(WIND_DOWN, ended) => {}
    }
    // Nothing may be written once another replica can lead.
    drop(writing);
    tenure.release().await;
    Ok(())
}

fn server_ended(ended: Result<Result<(), tonic::transport::Error>, tokio::task::JoinError>) -> Error {
    Error::Server(match ended {
        Ok(Ok(())) => "it was told to".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    })
}

fn reconciler_ended(ended: Result<Result<(), anyhow::Error>, tokio::task::JoinError>) -> Error {
    Error::Reconciler(match ended {
        Ok(Ok(())) => anyhow::anyhow!("it was told to"),
        Ok(Err(error)) => error,
        Err(error) => error.into(),
    })
}
