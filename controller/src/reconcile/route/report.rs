//! What a reconcile of a route leaves behind: its status, Events of what changed, and what others need to know.

use std::sync::Arc;

use jiff::Timestamp;
use lambdaroute_crds::LambdaRouteStatus;
use lambdaroute_crds::condition::{ConditionType, Reason};

use super::Work;
use crate::access::Resolution;
use crate::assess::ServiceClaim;
use crate::events;
use crate::intent::{deleting, key, recorded};
use crate::kubernetes::KubeError;
use crate::observe::Aspect;
use crate::reconcile::{Key, Reconciler, RouteMemory, lock, name_of};
use crate::rest::settings_digest;
use crate::status::{Facts, is_told, service_refused, status};
use crate::target::FunctionTarget;
use crate::view::{Failure, TargetView};

impl Reconciler {
    /// What targets and the next reconcile need to know of the route; targets whose plan may depend on it are due if it
    /// changed.
    pub(super) fn remember(&self, work: &Work) {
        let changed = {
            let mut memory = lock(&self.memory);
            let memory: &mut RouteMemory = memory.entry(name_of(&work.route)).or_default();
            let changed = memory.claim != work.claim || memory.served != work.served;
            memory.claim = work.claim;
            memory.served.clone_from(&work.served);
            changed
        };
        if changed {
            let targets = lock(&self.index).targets(&name_of(&work.route));
            for target in targets {
                self.queue.add(Key::Target(target));
            }
        }
    }

    pub(super) async fn write_status(
        &self,
        work: &mut Work,
        view: Option<Arc<TargetView>>,
        references: &Resolution,
    ) -> Result<(), KubeError> {
        let identity_failure = lock(&self.identity_failure).clone();
        let release_failure = self.release_failure(work);
        let identities = self.setup.table.identities(&work.id);
        let handled = self.handled(work, view.as_deref());
        let next = status(&Facts {
            route: &work.route,
            assessment: &work.assessment,
            claim: work.claim,
            view: view.as_deref(),
            release_failure: release_failure.as_ref(),
            identity_failure: identity_failure.as_ref(),
            served: work.served.as_ref(),
            port: work.port,
            references,
            programming: work.served.as_ref().map(|_| self.setup.table.programming(&work.id)),
            identities: &identities,
            principal: &self.setup.settings.principal,
            cluster_domain: &self.setup.args.cluster_domain,
            now: Timestamp::now(),
            settings_digest: &settings_digest(&self.setup.settings),
            handled_reconcile_at: handled.as_deref(),
        });
        let blocked = ready_is(&next, Reason::DeletionBlocked);
        self.setup.metrics.deletion_blocked(&name_of(&work.route), blocked);
        if work.route.status.as_ref() == Some(&next) {
            return Ok(());
        }
        let failure = release_failure.or_else(|| view.and_then(|view| view.failure_for(&key(&work.route)).cloned()));
        let written = self.setup.kubernetes.set_status(&work.route, &next).await?;
        for notice in events::changes(&work.route, &next, failure.as_ref(), identity_failure.as_ref()) {
            // An Event can't be made in a namespace that goes.
            if notice.reason == Reason::DeletionBlocked.as_str() {
                tracing::warn!(route = %key(&work.route), why = notice.note, "a deletion is blocked");
            }
            self.setup.kubernetes.tell(&work.route, &notice).await;
        }
        work.route = written;
        Ok(())
    }

    /// A pass that failed has a status, too: what the API server refuses of the Service, with its words; anything else only
    /// where status says nothing of this manifest yet, since it passes by itself.
    pub(super) async fn tell_failure(&self, work: &mut Work, error: &KubeError) {
        if deleting(&work.route) || error.is_stale() {
            return;
        }
        match error.refuses_service() {
            Some((code, words)) => work.assessment.refused = Some(service_refused(&work.route, code, words)),
            None if is_told(&work.route) => return,
            // What the Service is isn't known: nothing that was true of the former manifest is told of this one.
            None => work.claim = ServiceClaim::Unknown,
        }
        let view = work.assessment.target.as_ref().and_then(|target| self.view(target));
        let references = self.references(&work.route, &work.assessment.access);
        if let Err(error) = self.write_status(work, view, &references.resolution).await
            && !error.is_stale()
        {
            tracing::warn!(route = %key(&work.route), %error, "what keeps the route can't be told in its status");
        }
    }

    /// What asked for a look at the route's target, if there was one since.
    fn handled(&self, work: &Work, view: Option<&TargetView>) -> Option<String> {
        let looked = view?.observed_at?;
        let memory = lock(&self.memory);
        let (asked, since) = memory.get(&name_of(&work.route))?.asked.as_ref()?;
        (looked >= *since).then(|| asked.clone())
    }

    /// Why a target that the route is to leave can't be left yet.
    fn release_failure(&self, work: &Work) -> Option<Failure> {
        if !deleting(&work.route) {
            return None;
        }
        if let Some(error) = lock(&self.identity_failure).clone().filter(|_| !recorded(&work.route).is_empty()) {
            return Some(Failure { aspect: Aspect::FunctionUrl, error });
        }
        recorded(&work.route)
            .iter()
            .filter_map(|recorded| FunctionTarget::parse_arn(&recorded.function_arn))
            .find_map(|target| self.view(&target)?.failure_for(&key(&work.route)).cloned())
    }
}

fn ready_is(status: &LambdaRouteStatus, reason: Reason) -> bool {
    let ready = status.conditions.iter().find(|condition| condition.type_ == ConditionType::Ready.as_str());
    ready.is_some_and(|ready| ready.reason == reason.as_str())
}
