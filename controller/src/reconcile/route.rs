//! One route: its Service, its place in the route table, `status.targets` and, last and once, its status.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::ResourceExt;
use lambdaroute_crds::LambdaRoute;
use lambdaroute_crds::condition::Reason;

use super::worker::Outcome;
use super::{Name, Reconciler, lock, name_of};
use crate::assess::{Assessment, Refused, ServiceClaim, assess};
use crate::intent::{deleting, key, recorded, suspended};
use crate::kubernetes::{Created, KubeError};
use crate::plan_route::{RouteFacts, plan_route};
use crate::programmed::Programmed;
use crate::programming::{Programming, RouteId};
use crate::service;
use crate::step::Step;
use crate::target::FunctionTarget;

mod report;
mod steps;

/// A Service's name that is taken, or a range that is used up, is looked at again at least so often.
const TAKEN: Duration = Duration::from_secs(120);

/// A route on its way through one reconcile.
struct Work {
    route: LambdaRoute,
    id: RouteId,
    live: Option<Service>,
    claim: ServiceClaim,
    assessment: Assessment,
    served: Option<Programmed>,
    port: Option<u16>,
}

impl Reconciler {
    pub(super) async fn reconcile_route(&self, name: &Name) -> Outcome {
        let route = self.route(name);
        if let Err(error) = self.bury_former(name, route.as_deref()).await {
            return failed(&error);
        }
        let Some(route) = route else { return Outcome::Done(None) };
        let mut work = self.begin_work(&route).await;
        match self.pass(&mut work).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.tell_failure(&mut work, &error).await;
                failed(&error)
            }
        }
    }

    /// A route that went without our finalizer was never given to proxies; its port rests all the same.
    async fn bury_former(&self, name: &Name, present: Option<&LambdaRoute>) -> Result<(), KubeError> {
        let present = present.and_then(ResourceExt::uid);
        let former = lock(&self.memory).get(name).map(|memory| memory.uid.clone());
        let Some(former) = former.filter(|uid| !uid.is_empty() && Some(uid) != present.as_ref()) else { return Ok(()) };
        let id = RouteId(former);
        self.setup.table.remove(&id);
        self.ports.rest(&id, Timestamp::now()).await?;
        lock(&self.memory).remove(name);
        Ok(())
    }

    async fn begin_work(&self, route: &LambdaRoute) -> Work {
        let name = name_of(route);
        let id = RouteId(route.uid().unwrap_or_default());
        let live = self.live_service(route);
        let claim = {
            let mut memory = lock(&self.memory);
            let memory = memory.entry(name).or_default();
            memory.uid.clone_from(&id.0);
            match (&live, memory.claim) {
                (Some(_), _) => ServiceClaim::Ours,
                (None, ServiceClaim::Taken) => ServiceClaim::Taken,
                (None, _) => ServiceClaim::Unknown,
            }
        };
        let assessment = self.assess(route, live.as_ref());
        let served = self.served(route, live.as_ref());
        let port = self.ports.of(&id).await;
        Work { route: route.clone(), id, live, claim, assessment, served, port }
    }

    /// The manifest, judged, but for the Service's name.
    fn assess(&self, route: &LambdaRoute, live: Option<&Service>) -> Assessment {
        let pin = live.and_then(|live| live.annotations().get(service::TARGET));
        assess(route, &self.installation(), pin.map(String::as_str))
    }

    async fn pass(&self, work: &mut Work) -> Result<Outcome, KubeError> {
        self.claim_service(work).await?;
        let view = work.assessment.target.as_ref().and_then(|target| self.view(target));
        let references = self.references(&work.route, &work.assessment.access);
        let next = Programmed::next(&work.route, &work.assessment, view.as_deref(), work.served.clone(), &references);
        let released = self.released(&work.route);
        let arrived = self.arrived(work);
        let steps = plan_route(&RouteFacts {
            route: &work.route,
            assessment: &work.assessment,
            service: work.live.as_ref(),
            port: work.port,
            programmed: next.as_ref(),
            served: work.served.as_ref(),
            released: &released,
            arrived,
        });
        let leaves = leaves(work, &steps) || work.served.is_some() && next.is_none();
        let without_service = work.live.as_ref().is_none_or(service::takes_its_slices_along);
        if leaves || without_service && self.setup.table.wants(&work.id) {
            self.setup.table.remove(&work.id);
        }
        if view.as_ref().is_some_and(|view| !view.in_use_by.is_empty()) && deleting(&work.route) {
            // Whoever still keeps the object (another finalizer) reads in it what stays in AWS.
            self.write_status(work, view.clone(), &references.resolution).await?;
        }
        for step in &steps {
            tracing::info!("{step}");
            self.carry_out_step(step, work, next.as_ref()).await?;
        }
        if steps.iter().any(|step| matches!(step, Step::RemoveFinalizer { .. })) {
            return Ok(Outcome::Done(None));
        }
        if !leaves && !without_service {
            work.served = next;
            self.program(work);
        }
        self.remember(work);
        self.write_status(work, view, &references.resolution).await?;
        Ok(match work.claim {
            ServiceClaim::Taken => {
                Outcome::Again { first: Duration::from_secs(1), longest: TAKEN, why: "service_name_conflict" }
            }
            _ if work.port.is_none() && self.may_have_service(work) => {
                Outcome::Again { first: Duration::from_secs(1), longest: TAKEN, why: "no_port" }
            }
            _ => Outcome::Done(None),
        })
    }

    fn may_have_service(&self, work: &Work) -> bool {
        !deleting(&work.route) && !suspended(&work.route) && work.assessment.target.is_some()
    }

    /// The route's Service: a port, then a POST; somebody else's of that name is never touched.
    async fn claim_service(&self, work: &mut Work) -> Result<(), KubeError> {
        if !self.may_have_service(work) || work.assessment.refused.is_some() {
            work.assessment = work.assessment.clone().with_claim(&work.route, work.claim);
            return Ok(());
        }
        if work.port.is_none() {
            work.port = self.ports.allocate(&work.id).await;
        }
        let (Some(port), Some(target)) = (work.port, work.assessment.target.clone()) else {
            work.assessment.refused = Some(Refused {
                reason: Reason::UnsupportedValue,
                message: "no port is free for this route: widen the controller's --port-range".to_owned(),
            });
            return Ok(());
        };
        if work.live.is_none() {
            let wanted = service::desired(&work.route, port, &target, None);
            match self.setup.kubernetes.create_service(&work.route, &wanted).await? {
                Created::Ours(live) => {
                    tracing::info!(route = %key(&work.route), port, "the route has its Service");
                    self.wrote_service(work, None, *live);
                    work.served = self.served(&work.route, work.live.as_ref());
                    work.assessment = self.assess(&work.route, work.live.as_ref());
                    work.claim = ServiceClaim::Ours;
                }
                Created::Taken => work.claim = ServiceClaim::Taken,
            }
        }
        work.assessment = work.assessment.clone().with_claim(&work.route, work.claim);
        Ok(())
    }

    fn wrote_service(&self, work: &mut Work, base: Option<String>, live: Service) {
        let mut memory = lock(&self.memory);
        let memory = memory.entry(name_of(&work.route)).or_default();
        memory.service = Some((base, live.clone()));
        work.live = Some(live);
    }

    /// Until status says so too, this leader believes what it wrote itself.
    fn wrote_access(&self, work: &Work, next: Option<&Programmed>) {
        if let Some(memory) = lock(&self.memory).get_mut(&name_of(&work.route)) {
            memory.written = next.map(|next| next.digest());
        }
    }

    /// Targets of the route's status where nothing of ours is left for it.
    fn released(&self, route: &LambdaRoute) -> BTreeSet<String> {
        let key = key(route);
        let targets = lock(&self.targets);
        recorded(route)
            .iter()
            .filter(|recorded| {
                FunctionTarget::parse_arn(&recorded.function_arn)
                    .and_then(|target| targets.get(&target)?.view.clone())
                    .is_some_and(|view| view.released.contains(&key))
            })
            .map(|recorded| recorded.function_arn.clone())
            .collect()
    }

    /// Whether proxies serve the manifest's own target.
    fn arrived(&self, work: &Work) -> bool {
        let target = work.assessment.target.as_ref().map(FunctionTarget::arn);
        work.served.as_ref().is_some_and(|served| Some(&served.function_arn) == target.as_ref())
            && self.setup.table.programming(&work.id) == Programming::Programmed
    }

    /// Hands the route to the table, once AWS is as it should be; the table ignores what it has already.
    fn program(&self, work: &Work) {
        let reference = work.live.as_ref().and_then(service::reference);
        if let (Some(served), Some(port), Some(reference)) = (&work.served, work.port, reference) {
            // Where something is missing, what the table has goes on: the resolved references of the manifest are told in
            // status.
            match served.desired(&work.route, reference, port, &self.references(&work.route, &served.access)) {
                Ok(desired) => self.setup.table.set(desired),
                Err(why) => tracing::debug!(route = %key(&work.route), %why, "the route waits for what it refers to"),
            }
        }
    }
}

/// Whether the route is to be in the table no more, since it goes or its Service is somebody else's.
fn leaves(work: &Work, steps: &[Step]) -> bool {
    let ends =
        |step: &Step| matches!(step, Step::RestPort { .. } | Step::DeleteService { .. } | Step::RemoveFinalizer { .. });
    (deleting(&work.route) && steps.iter().any(ends)) || work.claim == ServiceClaim::Taken
}

fn failed(error: &KubeError) -> Outcome {
    if error.is_stale() {
        tracing::debug!(%error, "an object changed meanwhile; looking again");
        return Outcome::retry("stale");
    }
    if error.is_of_a_namespace_that_goes() {
        tracing::debug!(%error, "nothing is made in a namespace that goes; the route will go, too");
        return Outcome::Done(None);
    }
    tracing::warn!(%error, "a request to Kubernetes failed");
    Outcome::retry("kubernetes")
}
