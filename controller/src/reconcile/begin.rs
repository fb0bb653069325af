//! A leader's beginning: nothing is decided before routes, Services, access policies and ports are known, and the route table
//! has what proxies serve already.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, RwLock};

use anyhow::Context;
use futures::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use kube::runtime::reflector::store;
use lambdaroute_crds::LambdaRoute;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::queues::Queues;
use super::{Reconciler, RouteMemory, Setup, access_policies, lock, name_of};
use crate::apply::FunctionLocks;
use crate::assess::{Installation, ServiceClaim};
use crate::index::Index;
use crate::intent::key;
use crate::kubernetes::port_book::PortBook;
use crate::leadership::Leadership;
use crate::ports::{CONTESTED, Claim};
use crate::programming::RouteId;
use crate::service;
use crate::sources::Sources;
use crate::watch::{self, SYNC_LIMIT, Seen};

pub(super) async fn begin(
    setup: Arc<Setup>,
    leadership: Leadership,
    tasks: &mut JoinSet<&'static str>,
) -> anyhow::Result<Arc<Reconciler>> {
    let namespace = setup.args.watch_namespace.clone();
    let client = setup.kubernetes.client();
    let (routes, writer) = store::store();
    let route_events =
        pump(watch::routes(client.clone(), namespace.as_deref(), writer), "the watch of LambdaRoutes", tasks);
    let (services, writer) = store::store();
    let service_events =
        pump(watch::services(client.clone(), namespace.as_deref(), writer), "the watch of Services", tasks);
    let (policies, writer) = store::store();
    let policy_events =
        pump(watch::access_policies(client.clone(), writer), "the watch of LambdaAccessPolicies", tasks);
    let (namespaces, writer) = store::store();
    let namespace_events =
        pump(watch::namespaces(client.clone(), namespace.as_deref(), writer), "the watch of Namespaces", tasks);
    tokio::time::timeout(SYNC_LIMIT, routes.wait_until_ready())
        .await
        .context("LambdaRoutes can't be listed: look at the log's watch errors")??;
    tokio::time::timeout(SYNC_LIMIT, services.wait_until_ready())
        .await
        .context("Services can't be listed: look at the log's watch errors")??;
    tokio::time::timeout(SYNC_LIMIT, policies.wait_until_ready())
        .await
        .context("LambdaAccessPolicies can't be listed: look at the log's watch errors")??;
    tokio::time::timeout(SYNC_LIMIT, namespaces.wait_until_ready())
        .await
        .context("Namespaces can't be listed: look at the log's watch errors")??;

    setup.metrics.know_routes(routes.clone());
    let by_uid: HashMap<String, Arc<LambdaRoute>> =
        routes.state().into_iter().filter_map(|route: Arc<LambdaRoute>| Some((route.uid()?, route))).collect();
    let owned: Vec<(Arc<LambdaRoute>, Arc<Service>)> =
        services.state().into_iter().filter_map(|service| Some((owner(&by_uid, &service)?, service))).collect();
    let live: HashMap<Option<String>, &Service> = owned.iter().map(|(route, live)| (route.uid(), &**live)).collect();
    let claims = by_uid.values().filter_map(|route| Claim::of(route, live.get(&route.uid()).copied())).collect();
    let rest = SignedDuration::try_from(setup.args.port_rest).unwrap_or(SignedDuration::MAX);
    let ports = PortBook::open(client, setup.ports.clone(), setup.args.port_range.clone(), rest, claims)
        .await
        .context("the ports' memory can't be read")?;
    rest_others(&ports, &by_uid, &services.state()).await?;

    let (sources, source_events) = Sources::new(&setup.source_args, setup.table.clone(), setup.source_metrics.clone());
    let reconciler = Arc::new(Reconciler {
        installation: RwLock::new(Installation {
            access_policies: access_policies::all(&setup.args, &policies, &namespaces),
            ..Installation::default()
        }),
        setup,
        leadership,
        routes,
        services,
        policies,
        namespaces,
        ports,
        sources,
        identity_failure: Mutex::default(),
        noting: Mutex::default(),
        index: Mutex::new(Index::default()),
        targets: Mutex::default(),
        memory: Mutex::default(),
        queue: Queues::default(),
        locks: FunctionLocks::default(),
    });
    reconciler.begin_sources(tasks).await;
    reconciler.prime(&owned).await;
    reconciler.index_all(&reconciler.installation());
    tasks.spawn(named("the feed of LambdaRoutes", reconciler.clone().feed_routes(route_events)));
    tasks.spawn(named("the feed of Services", reconciler.clone().feed_services(service_events)));
    tasks.spawn(named("the feed of LambdaAccessPolicies", reconciler.clone().feed_policies(policy_events)));
    tasks.spawn(named("the feed of Namespaces", reconciler.clone().feed_namespaces(namespace_events)));
    tasks.spawn(named("the feed of the route table", reconciler.clone().feed_table()));
    tasks.spawn(named("the feed of keys and Secrets", reconciler.clone().feed_sources(source_events)));
    tasks.spawn(named("the ports' rest", reconciler.clone().wake_ports()));
    Ok(reconciler)
}

async fn named(what: &'static str, task: impl Future<Output = ()>) -> &'static str {
    task.await;
    what
}

/// Runs a watch from now on, so that its store fills, and hands its events on.
fn pump<K: Send + 'static>(
    events: impl Stream<Item = Seen<K>> + Send + 'static,
    what: &'static str,
    tasks: &mut JoinSet<&'static str>,
) -> impl Stream<Item = Seen<K>> + Send + 'static {
    let (sender, receiver) = mpsc::unbounded_channel();
    tasks.spawn(async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            if sender.send(event).is_err() {
                break;
            }
        }
        what
    });
    tokio_stream::wrappers::UnboundedReceiverStream::new(receiver)
}

/// The route that a Service is of, if it lives: in its namespace and by its name, for anybody may name a route as owner.
fn owner(routes: &HashMap<String, Arc<LambdaRoute>>, service: &Service) -> Option<Arc<LambdaRoute>> {
    service.owner_references().iter().find_map(|owner| {
        let route = routes.get(&owner.uid)?;
        let place = (route.namespace(), service::name(route)) == (service.namespace(), service.name_any());
        (place && service::is_ours(service, &owner.uid)).then(|| route.clone())
    })
}

/// A Service's port that its route doesn't have rests: it may be in use. The Service of a route that is gone waits for the
/// garbage collector.
async fn rest_others(
    ports: &PortBook,
    routes: &HashMap<String, Arc<LambdaRoute>>,
    services: &[Arc<Service>],
) -> anyhow::Result<()> {
    for live in services {
        let uid = live.labels().get(service::ROUTE_UID);
        if let (Some(uid), Some(port)) = (uid, service::target_port(live))
            && ports.of(&RouteId(uid.clone())).await != Some(port)
        {
            // A route that lives would let it rest as long as that.
            let id = if routes.contains_key(uid) { CONTESTED } else { uid };
            ports.rest_unclaimed(&RouteId(id.to_owned()), port, Timestamp::now()).await?;
        }
    }
    Ok(())
}

impl Reconciler {
    /// Tells the route table what proxies serve, as their Services remember it and status confirms it: without AWS, and
    /// before anything is decided.
    async fn prime(&self, owned: &[(Arc<LambdaRoute>, Arc<Service>)]) {
        // Whoever hasn't told the former leader that such a route is closed there is asked by this one: until then its port is
        // nobody's.
        for id in self.ports.resting().await {
            self.setup.table.remove(&id);
        }
        let mut desired = Vec::new();
        for (route, live) in owned {
            let served = self.served(route, Some(live));
            let id = RouteId(route.uid().unwrap_or_default());
            if let (Some(served), Some(reference)) = (&served, service::reference(live))
                && let Some(port) = self.ports.allocate(&id).await
            {
                let references = self.references(route, &served.access);
                match served.desired(route, reference.clone(), port, &references) {
                    Ok(wanted) => desired.push(wanted),
                    Err(why) => {
                        tracing::warn!(route = %key(route), %why, "proxies go on with what they have of the route");
                        desired.extend(served.kept(route, reference, port, &references).ok());
                    }
                }
            }
            let memory = RouteMemory { uid: id.0, claim: ServiceClaim::Ours, served, ..RouteMemory::default() };
            lock(&self.memory).insert(name_of(&**route), memory);
        }
        tracing::info!(routes = desired.len(), "the route table begins with what proxies serve");
        self.setup.table.prime(desired);
    }
}
