//! The reconciler: keeps AWS and the cluster true to every LambdaRoute while this replica leads. Two kinds of keys: a target
//! (everything in AWS) and a route (everything in Kubernetes, and the route table). Neither touches what is the other's,
//! except for finalizer and `status.targets`, which a target's plan writes before its first write in AWS.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};
use lambdaroute_crds::{LambdaAccessPolicy, LambdaRoute};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::apply::FunctionLocks;
use crate::assess::{Installation, ServiceClaim, assess, judge_access};
use crate::aws::{Aws, AwsError};
use crate::contest::Contest;
use crate::drift::Drift;
use crate::index::{Index, Name};
use crate::intent::recorded;
use crate::kubernetes::Kubernetes;
use crate::kubernetes::port_book::PortBook;
use crate::leadership::Leadership;
use crate::observation::Observation;
use crate::plan;
use crate::priority::Priority;
use crate::programmed::{self, Programmed, Trust};
use crate::schedule::Schedule;
use crate::service;
use crate::sources::{SourceArgs, SourceMetrics, Sources};
use crate::table::RouteTable;
use crate::target::FunctionTarget;
use crate::view::TargetView;

mod access_policies;
mod args;
mod begin;
mod feed;
mod gist;
mod identity;
mod metrics;
mod namespace_end;
mod queues;
mod references;
mod route;
mod sources;
mod target;
mod worker;

pub use args::ReconcileArgs;
pub use metrics::ReconcileMetrics;

use gist::Gist;
use queues::{Queues, priority};

/// What is worked on, one worker at a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Everything in AWS for one function target.
    Target(FunctionTarget),
    /// Everything in Kubernetes for one route.
    Route(Name),
}

/// What the reconciler is made of, before it leads.
pub struct Setup {
    /// Writes in Kubernetes.
    pub kubernetes: Kubernetes,
    /// Calls to AWS.
    pub aws: Aws,
    /// Where routes go.
    pub table: RouteTable,
    /// Whose Sids, for whom.
    pub settings: plan::Settings,
    /// The flags.
    pub args: ReconcileArgs,
    /// Where keys and secret values come from.
    pub source_args: SourceArgs,
    /// Name, namespace and owners of the ports' ConfigMap.
    pub ports: ObjectMeta,
    /// Counters.
    pub metrics: ReconcileMetrics,
    /// Those of sources.
    pub source_metrics: SourceMetrics,
}

/// A look at a target.
struct Looked {
    observed: Observation,
    at: Instant,
    time: jiff::Timestamp,
}

#[derive(Default)]
struct TargetMemory {
    looked: Option<Looked>,
    /// When AWS was last asked, whatever it answered.
    asked: Option<Instant>,
    schedule: Schedule,
    /// What was found and isn't repaired yet.
    drift: Vec<Drift>,
    view: Option<Arc<TargetView>>,
    /// Who wins, if somebody else writes what we write.
    contest: Contest,
}

#[derive(Default)]
struct RouteMemory {
    uid: String,
    claim: ServiceClaim,
    /// Our last write of the Service, until the watch has shown it: the resourceVersion that it was based on, and the result.
    service: Option<(Option<String>, Service)>,
    served: Option<Programmed>,
    /// The digest of the access fields that this leader wrote last to the Service; status follows.
    written: Option<String>,
    /// What last asked for a look, and when: a look after it answers it.
    asked: Option<(String, jiff::Timestamp)>,
    /// What targets depend on, when it last changed.
    gist: Option<Gist>,
}

/// A leader's reconciler.
struct Reconciler {
    setup: Arc<Setup>,
    leadership: Leadership,
    routes: Store<LambdaRoute>,
    services: Store<Service>,
    policies: Store<LambdaAccessPolicy>,
    namespaces: Store<PartialObjectMeta<Namespace>>,
    ports: PortBook,
    sources: Sources,
    installation: RwLock<Installation>,
    identity_failure: Mutex<Option<AwsError>>,
    /// Held while what a route concerns is found and noted: what was found before the controller knew more must not be noted
    /// after what was found since.
    noting: Mutex<()>,
    index: Mutex<Index>,
    targets: Mutex<HashMap<FunctionTarget, TargetMemory>>,
    memory: Mutex<HashMap<Name, RouteMemory>>,
    queue: Queues,
    locks: FunctionLocks,
}

/// Reconciles for as long as this replica leads: until `stop` is cancelled and what was under way is done, or until it is
/// dropped, since the Lease is lost.
///
/// # Errors
/// What keeps it from beginning, or a task of it that ended.
pub async fn run(setup: Arc<Setup>, leadership: Leadership, stop: CancellationToken) -> anyhow::Result<()> {
    let mut feeds = JoinSet::new();
    let Some(begun) = stop.run_until_cancelled(begin::begin(setup, leadership, &mut feeds)).await else {
        return Ok(());
    };
    let reconciler = begun?;
    identity::spawn(&reconciler, &mut feeds);
    let mut workers = worker::spawn(&reconciler, &stop);
    loop {
        tokio::select! {
            ended = workers.join_next() => match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(anyhow::Error::new(error).context("a worker of the reconciler failed")),
                None => return Ok(()),
            },
            Some(ended) = feeds.join_next() => match ended {
                Ok(what) => anyhow::bail!("{what} ended"),
                Err(error) => return Err(anyhow::Error::new(error).context("a task of the reconciler failed")),
            },
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(route: &impl Resource) -> Name {
    (route.meta().namespace.clone().unwrap_or_default(), route.meta().name.clone().unwrap_or_default())
}

impl Reconciler {
    fn installation(&self) -> Installation {
        let installation = self.installation.read().unwrap_or_else(PoisonError::into_inner).clone();
        Installation { cluster_issuer: self.sources.cluster_issuer(), ..installation }
    }

    fn route(&self, name: &Name) -> Option<Arc<LambdaRoute>> {
        self.routes.get(&ObjectRef::new(&name.1).within(&name.0))
    }

    /// The route's own Service, as fresh as it is known.
    fn live_service(&self, route: &LambdaRoute) -> Option<Service> {
        let uid = route.uid().unwrap_or_default();
        let namespace = route.namespace().unwrap_or_default();
        let seen = self.services.get(&ObjectRef::new(&service::name(route)).within(&namespace));
        let written = lock(&self.memory).get(&name_of(route)).and_then(|memory| memory.service.clone());
        let live = match written {
            Some((base, written)) if base == seen.as_ref().and_then(|seen| seen.resource_version()) => written,
            _ => (*seen?).clone(),
        };
        service::is_ours(&live, &uid).then_some(live)
    }

    fn served(&self, route: &LambdaRoute, live: Option<&Service>) -> Option<Programmed> {
        let annotation = live?.annotations().get(programmed::ANNOTATION)?;
        let uid = route.uid().unwrap_or_default();
        let written = {
            let memory = lock(&self.memory);
            let memory = memory.get(&name_of(route)).filter(|memory| memory.uid == uid);
            memory.and_then(|memory| memory.written.clone())
        };
        let trust = Trust { written, manifest: judge_access(route, &self.installation()).ok() };
        Programmed::trusted(annotation, route, &trust)
    }

    /// The targets that a route concerns: its manifest's, and those that its status names.
    fn targets_of(&self, route: &LambdaRoute, installation: &Installation) -> BTreeSet<FunctionTarget> {
        let live = self.live_service(route);
        let pin = live.as_ref().and_then(|live| live.annotations().get(service::TARGET));
        let assessment = assess(route, installation, pin.map(String::as_str));
        recorded(route)
            .iter()
            .filter_map(|target| FunctionTarget::parse_arn(&target.function_arn))
            .chain(assessment.target)
            .collect()
    }

    fn view(&self, target: &FunctionTarget) -> Option<Arc<TargetView>> {
        lock(&self.targets).get(target)?.view.clone()
    }

    /// Takes in which targets every route concerns. A target that is planned without one of its routes loses what that one
    /// uses: all are taken in before anything is planned.
    fn index_all(&self, installation: &Installation) {
        for route in self.routes.state() {
            let targets = self.targets_of(&route, installation);
            lock(&self.index).set(&name_of(&*route), &route.uid().unwrap_or_default(), targets);
        }
    }

    /// Has every route looked at, and every target that one concerns.
    fn add_all(&self) {
        for route in self.routes.state() {
            let targets = self.note(&route);
            let priority = priority(&route);
            for target in targets {
                self.queue.add_as(Key::Target(target), priority);
            }
        }
    }

    /// Takes in a route as it is now; its targets are due if what they depend on has changed. Answers those.
    fn note(&self, route: &LambdaRoute) -> BTreeSet<FunctionTarget> {
        let name = name_of(route);
        let touched = {
            let _one_by_one = lock(&self.noting);
            let targets = self.targets_of(route, &self.installation());
            lock(&self.index).set(&name, &route.uid().unwrap_or_default(), targets)
        };
        let gist = Gist::of(route);
        let changed = {
            let mut memory = lock(&self.memory);
            let memory = memory.entry(name.clone()).or_default();
            memory.gist.replace(gist.clone()).as_ref() != Some(&gist)
        };
        self.follow_sources(route);
        self.queue.add(Key::Route(name));
        if changed {
            let priority = priority(route);
            for target in &touched {
                self.queue.add_as(Key::Target(target.clone()), priority);
            }
        }
        touched
    }

    /// Has a target looked at in AWS, since a proxy reports refusals: at once, but not again and again.
    fn reported(&self, target: &FunctionTarget) {
        let now = Instant::now();
        let due = {
            let mut targets = lock(&self.targets);
            let memory = targets.entry(target.clone()).or_default();
            Instant::from_std(memory.schedule.report(now.into_std()))
        };
        self.queue.add_after(Key::Target(target.clone()), due - now, Priority::Change);
    }
}

#[cfg(test)]
mod tests;
