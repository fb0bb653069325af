//! Puts the parts together: binds, follows the cluster, waits for the Lease, leads until it is lost or the process ends.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use crate::admin::Admin;
use crate::args::Args;
use crate::certificate::Lifetimes;
use crate::certificate::keeper::Keeper;
use crate::leadership::{self, Leadership, Tenure, Terms};
use crate::metrics::Metrics;
use crate::readiness::{Readiness, Requirement};
use crate::server::{Server, authentication, tls};
use crate::table::{Event, RouteTable, Settings};
use crate::{admin, crd, owner, pods, slices};

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
    /// Where routes are, and so our EndpointSlices. None: in all namespaces.
    pub watch_namespace: Option<String>,
    metrics: Metrics,
    args: Args,
}

impl App {
    /// The parts, not running yet.
    pub fn new(args: Args, client: Client) -> Self {
        let settings = Settings { proxies_per_route: args.route_table.proxies_per_route.into(), ..Settings::default() };
        let table = RouteTable::new(settings);
        let mut registry = Registry::with_prefix("lambdaroute_controller");
        let metrics = Metrics::register(&mut registry, table.clone());
        Self { client, table, readiness: Readiness::default(), registry, watch_namespace: None, metrics, args }
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
        let Self { client, table, readiness, registry, watch_namespace, metrics, args } = self;
        let admin_port = bind("admin", args.admin.admin_address).await?;
        let table_port = bind("route-table", args.route_table.route_table_address).await?;
        let waits = Waits::new(&readiness);
        let admin = Arc::new(Admin { readiness, registry });
        let owner = owner_of(&args, &client).await?;
        let shown = tls::Shown::default();
        let keeper = keeper(&args, &client, owner.clone(), shown.clone());
        let slices = match &watch_namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let _parts = follow(&args, &client, &table, &waits, slices, (admin_port, admin));

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

        let terms = terms(&args, owner.clone());
        let leases = Api::namespaced(client.clone(), &args.namespace);
        let mut tenure = tokio::select! {
            tenure = leadership::acquire(leases, terms) => tenure,
            () = keeper.read(&waits.certificate) => pending().await,
            ended = &mut serving => return Err(server_ended(ended)),
            () = stop.cancelled() => return Ok(()),
        };
        let leadership = tenure.leadership();
        metrics.leading(leadership.epoch());
        table.apply(Event::Leading { epoch: leadership.epoch() });
        leading.send_replace(true);
        let parts = Leading { client: client.clone(), table: table.clone(), leadership, owner, stop: stop.clone() };
        let writing = write(&parts, keeper, &waits, &metrics);
        let mut reconciling = AbortOnDropHandle::new(tokio::spawn(reconcile(parts)));

        tokio::select! {
            reason = tenure.keep() => return Err(Error::LeadershipLost(reason)),
            ended = &mut reconciling => return Err(reconciler_ended(ended)),
            ended = &mut serving => return Err(server_ended(ended)),
            () = stop.cancelled() => {}
        }
        wind_down(tenure, reconciling, serving, writing).await
    }
}

/// Renews while what is under way ends, then gives the Lease back.
async fn wind_down(
    mut tenure: Tenure,
    reconciling: AbortOnDropHandle<Result<(), anyhow::Error>>,
    serving: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    writing: Parts,
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

struct Waits {
    crd: Requirement,
    pods: Requirement,
    slices: Requirement,
    certificate: Requirement,
}

impl Waits {
    fn new(readiness: &Readiness) -> Self {
        Self {
            crd: readiness.require("crd", "not looked at yet"),
            pods: readiness.require("pods", "not listed yet"),
            slices: readiness.require("endpointslices", "not listed yet"),
            certificate: readiness.require("certificate", "there is none yet: the leader makes it"),
        }
    }
}

type Parts = Vec<AbortOnDropHandle<()>>;

/// What every replica does, leading or not.
fn follow(
    args: &Args,
    client: &Client,
    table: &RouteTable,
    waits: &Waits,
    slice_api: Api<EndpointSlice>,
    (admin_port, admin): (TcpListener, Arc<Admin>),
) -> Parts {
    let part = AbortOnDropHandle::new;
    let namespace = args.route_table.proxy_namespace.as_ref().unwrap_or(&args.namespace);
    let (pod_api, selector) = (Api::namespaced(client.clone(), namespace), args.route_table.proxy_selector.clone());
    let (crd_api, crd_ready) = (Api::all(client.clone()), waits.crd.clone());
    let (pods_ready, slices_ready) = (waits.pods.clone(), waits.slices.clone());
    let (alarms, pod_table, slice_table) = (table.clone(), table.clone(), table.clone());
    vec![
        part(tokio::spawn(admin::serve(admin_port, admin))),
        part(tokio::spawn(async move { alarms.run_alarms().await })),
        part(tokio::spawn(async move { pods::follow(pod_api, &selector, &pod_table, &pods_ready).await })),
        part(tokio::spawn(async move { slices::observe::follow(slice_api, &slice_table, &slices_ready).await })),
        part(tokio::spawn(async move { crd::watch::watch(crd_api, &lambdaroute_crds::crd(), &crd_ready).await })),
    ]
}

/// What the leader alone does, besides reconciling.
fn write(leading: &Leading, keeper: Keeper, waits: &Waits, metrics: &Metrics) -> Parts {
    let Leading { client, table, leadership, owner: _, stop: _ } = leading.clone();
    let (right, ready, metrics) = (leadership.clone(), waits.certificate.clone(), metrics.clone());
    vec![
        AbortOnDropHandle::new(tokio::spawn(async move { keeper.keep(&right, &ready).await })),
        AbortOnDropHandle::new(tokio::spawn(async move {
            slices::writer::run(client, &table, &leadership, &metrics).await;
        })),
    ]
}

async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |source| Error::Bind { what, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    info!(what, %address, "listening");
    Ok(listener)
}

async fn owner_of(args: &Args, client: &Client) -> Result<Option<OwnerReference>, Error> {
    let Some(name) = &args.leader.owner_deployment else { return Ok(None) };
    let api = Api::namespaced(client.clone(), &args.namespace);
    let owner = owner::deployment(&api, name).await;
    owner.map(Some).map_err(|source| Error::Owner { name: name.clone(), source })
}

fn keeper(args: &Args, client: &Client, owner: Option<OwnerReference>, shown: tls::Shown) -> Keeper {
    let table = &args.route_table;
    Keeper {
        secrets: Api::namespaced(client.clone(), &args.namespace),
        configmaps: Api::namespaced(client.clone(), &args.namespace),
        secret: table.certificate_secret.clone(),
        configmap: table.ca_configmap.clone(),
        owner,
        lifetimes: Lifetimes {
            leaf: table.certificate_lifetime,
            ca: table.ca_lifetime,
            propagation: table.ca_propagation,
        },
        interval: table.certificate_check_interval,
        shown,
    }
}

fn terms(args: &Args, owner: Option<OwnerReference>) -> Terms {
    let leader = &args.leader;
    Terms {
        name: leader.lease_name.clone(),
        // A process that comes back under its Pod's name is another holder.
        identity: format!("{}_{:08x}", leader.identity, rand::random::<u32>()),
        duration: leader.lease_duration,
        renew_deadline: leader.lease_renew_deadline,
        retry_period: leader.lease_retry_period,
        owner,
    }
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
