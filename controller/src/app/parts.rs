//! The parts of the process, each made from the flags: what every replica runs, and what the leader alone does.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Api, Client};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use super::{Error, Leading};
use crate::admin::{self, Admin};
use crate::args::Args;
use crate::certificate::Lifetimes;
use crate::certificate::keeper::Keeper;
use crate::leadership::Terms;
use crate::metrics::Metrics;
use crate::readiness::{Readiness, Requirement};
use crate::server::tls;
use crate::table::RouteTable;
use crate::{crd, owner, pods, slices};

/// What must be there before the process is ready.
pub(super) struct Waits {
    crd: Requirement,
    pods: Requirement,
    slices: Requirement,
    pub(super) certificate: Requirement,
}

impl Waits {
    pub(super) fn new(readiness: &Readiness) -> Self {
        Self {
            crd: readiness.require("crd", "not looked at yet"),
            pods: readiness.require("pods", "not listed yet"),
            slices: readiness.require("endpointslices", "not listed yet"),
            certificate: readiness.require("certificate", "there is none yet: the leader makes it"),
        }
    }
}

pub(super) type Parts = Vec<AbortOnDropHandle<()>>;

/// What every replica does, leading or not.
pub(super) fn follow(
    args: &Args,
    client: &Client,
    table: &RouteTable,
    waits: &Waits,
    (admin_port, admin): (TcpListener, Arc<Admin>),
) -> Parts {
    let part = AbortOnDropHandle::new;
    let namespace = args.route_table.proxy_namespace.as_ref().unwrap_or(&args.namespace);
    let (pod_api, selector) = (Api::namespaced(client.clone(), namespace), args.route_table.proxy_selector.clone());
    // Only ours, and only where routes are: another release's are nothing to us.
    let slice_api = match &args.routes.watch_namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let (crd_api, crd_ready) = (Api::all(client.clone()), waits.crd.clone());
    let (pods_ready, slices_ready) = (waits.pods.clone(), waits.slices.clone());
    let (alarms, pod_table, slice_table) = (table.clone(), table.clone(), table.clone());
    vec![
        part(tokio::spawn(admin::serve(admin_port, admin))),
        part(tokio::spawn(async move { alarms.run_alarms().await })),
        part(tokio::spawn(async move { pods::follow(pod_api, &selector, &pod_table, &pods_ready).await })),
        part(tokio::spawn(async move { slices::observe::follow(slice_api, &slice_table, &slices_ready).await })),
        part(tokio::spawn(async move { crd::watch::watch(crd_api, &lambdaroute_crds::crds(), &crd_ready).await })),
    ]
}

/// What the leader alone does, besides reconciling.
pub(super) fn write(leading: &Leading, keeper: Keeper, waits: &Waits, metrics: &Metrics) -> Parts {
    let Leading { client, table, leadership, owner: _, stop: _ } = leading.clone();
    let (right, ready, metrics) = (leadership.clone(), waits.certificate.clone(), metrics.clone());
    vec![
        AbortOnDropHandle::new(tokio::spawn(async move { keeper.keep(&right, &ready).await })),
        AbortOnDropHandle::new(tokio::spawn(async move {
            slices::writer::run(client, &table, &leadership, &metrics).await;
        })),
    ]
}

pub(super) async fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    let failed = |source| Error::Bind { what, address, source };
    let listener = match TcpListener::bind(address).await {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && has_no_ipv6(&error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    let listener = listener.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    info!(what, %address, "listening");
    Ok(listener)
}

/// A node whose kernel has it switched off, in either of two ways.
fn has_no_ipv6(error: &io::Error) -> bool {
    /// Linux, on all architectures that have images. The standard library has no word for it.
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

pub(crate) async fn owner_of(args: &Args, client: &Client) -> Result<Option<OwnerReference>, Error> {
    let Some(name) = &args.leader.owner_deployment else { return Ok(None) };
    let api = Api::namespaced(client.clone(), &args.namespace);
    let owner = owner::deployment(&api, name).await;
    owner.map(Some).map_err(|source| Error::Owner { name: name.clone(), source })
}

pub(super) fn keeper(args: &Args, client: &Client, owner: Option<OwnerReference>, shown: tls::Shown) -> Keeper {
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

pub(crate) fn terms(args: &Args, owner: Option<OwnerReference>) -> Terms {
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
