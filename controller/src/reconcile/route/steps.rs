//! Carries the steps of a route's plan out, one request each.

use jiff::Timestamp;
use kube::ResourceExt;
use lambdaroute_crds::{LambdaRoute, Target, TargetState};

use super::Work;
use crate::events;
use crate::intent::{deleting, force_deleted, key, leaves_as_it_is, recorded};
use crate::kubernetes::KubeError;
use crate::programmed::Programmed;
use crate::reconcile::Reconciler;
use crate::reconcile::target::with_active;
use crate::service;
use crate::step::Step;
use crate::target::FunctionTarget;

impl Reconciler {
    pub(super) async fn carry_out_step(
        &self,
        step: &Step,
        work: &mut Work,
        next: Option<&Programmed>,
    ) -> Result<(), KubeError> {
        let kubernetes = &self.setup.kubernetes;
        match step {
            Step::CreateService { .. } => {}
            Step::ApplyService { .. } => {
                let (Some(live), Some(port), Some(target)) = (&work.live, work.port, &work.assessment.target) else {
                    return Ok(());
                };
                let wanted = service::desired(&work.route, port, target, next);
                if let Some(change) = service::change(live, &wanted) {
                    let base = live.resource_version();
                    let live = kubernetes.change_service(&work.route, live, &wanted, change).await?;
                    self.wrote_service(work, base, live);
                    self.wrote_access(work, next);
                }
            }
            Step::RecordTarget { target, permissions, .. } => {
                let targets = with_active(recorded(&work.route), target, permissions);
                work.route = kubernetes.set_targets(&work.route, &targets).await?;
            }
            Step::ReleaseTarget { target, .. } => {
                let mut targets = recorded(&work.route).to_vec();
                let arn = target.arn();
                for known in targets.iter_mut().filter(|known| known.function_arn == arn) {
                    known.state = TargetState::Releasing;
                }
                work.route = kubernetes.set_targets(&work.route, &targets).await?;
            }
            Step::ForgetTarget { target, .. } => {
                let arn = target.arn();
                let (assessment, served) = (&work.assessment, work.served.as_ref());
                let entry = recorded(&work.route).iter().find(|known| known.function_arn == arn);
                let left = entry.filter(|_| deleting(&work.route));
                match left.filter(|entry| leaves_as_it_is(&work.route, entry, target, assessment, served)) {
                    Some(left) => self.tell_left_behind(&work.route, left).await,
                    None => self.tell_in_use(&work.route, target).await,
                }
                let targets: Vec<_> =
                    recorded(&work.route).iter().filter(|known| known.function_arn != arn).cloned().collect();
                work.route = kubernetes.set_targets(&work.route, &targets).await?;
            }
            Step::RestPort { .. } => self.ports.rest(&work.id, Timestamp::now()).await?,
            Step::DeleteService { .. } => {
                if let Some(live) = &work.live {
                    kubernetes.delete_service(&work.route, live).await?;
                }
            }
            Step::RemoveFinalizer { .. } => {
                work.route = kubernetes.remove_finalizer(&work.route).await?;
            }
            // A target's own: never in a route's plan.
            Step::AddFinalizer { .. }
            | Step::AddPermission { .. }
            | Step::CreateFunctionUrlConfig { .. }
            | Step::UpdateFunctionUrlConfig { .. }
            | Step::DeleteFunctionUrlConfig { .. }
            | Step::RemovePermission { .. } => {}
        }
        Ok(())
    }

    async fn tell_left_behind(&self, route: &LambdaRoute, left: &Target) {
        let notice = events::left_behind(left, &self.setup.settings.cluster, force_deleted(route));
        tracing::warn!(route = %key(route), "{}", notice.note);
        self.setup.kubernetes.tell(route, &notice).await;
    }

    async fn tell_in_use(&self, route: &LambdaRoute, target: &FunctionTarget) {
        let Some(view) = self.view(target).filter(|view| !view.in_use_by.is_empty()) else { return };
        let clusters: Vec<String> = view.in_use_by.iter().map(ToString::to_string).collect();
        self.setup.kubernetes.tell(route, &events::in_use_elsewhere(&target.arn(), &clusters)).await;
    }
}
