//! Takes one target back in AWS: look, plan, write, and again with growing pauses until nothing is left or the time is over.

use std::convert::Infallible;

use tokio::time::Instant;

use super::leftover::Taken;
use super::pauses::Pauses;
use crate::apply::FunctionLocks;
use crate::aws::{Aws, AwsError, ErrorKind};
use crate::leadership::Leadership;
use crate::observation::{Applied, Observation};
use crate::observe::observe;
use crate::plan::{Failed, RouteOnTarget, Settings, plan};
use crate::priority::Priority;
use crate::step::Step;
use crate::target::FunctionTarget;
use crate::writes::{self, Stopped, Writer};

/// What all targets share.
pub(super) struct Hands<'a> {
    pub(super) aws: &'a Aws,
    pub(super) settings: &'a Settings,
    pub(super) leadership: &'a Leadership,
    pub(super) locks: FunctionLocks,
    /// After it nothing is begun in AWS.
    pub(super) limit: Instant,
}

enum Seen {
    ToTheEnd,
    TooLate,
}

/// Its plans have no steps in Kubernetes: no route is recorded or held that wasn't.
impl Writer for &Hands<'_> {
    type Error = Infallible;

    fn deadline(&self) -> Instant {
        self.leadership.deadline().min(self.limit)
    }

    async fn prepare(&mut self, _: &Step) -> Result<(), Infallible> {
        Ok(())
    }

    fn done(&mut self, _: Step, _: Applied) {}
}

impl Hands<'_> {
    pub(super) async fn take_back(&self, target: &FunctionTarget, routes: &[RouteOnTarget]) -> Taken {
        let mut taken = Taken::default();
        let mut pauses = Pauses::until(self.limit);
        loop {
            match self.once(target, routes, &mut taken).await {
                Ok(Seen::ToTheEnd) if taken.left.is_empty() => return taken,
                Ok(Seen::ToTheEnd) => {}
                Ok(Seen::TooLate) => return taken,
                // That the time was over says nothing beside what AWS said before.
                Err(error) if error.kind == ErrorKind::NotLeading && !taken.failures.is_empty() => {}
                Err(error) => taken.failures = vec![error],
            }
            tracing::warn!(%target, left = taken.left.len(), "not taken back yet");
            if !pauses.again().await {
                return taken;
            }
        }
    }

    /// One look and what it leads to. What is left is noted, also after a failure.
    async fn once(
        &self,
        target: &FunctionTarget,
        routes: &[RouteOnTarget],
        taken: &mut Taken,
    ) -> Result<Seen, AwsError> {
        let lambda = self.aws.lambda(target, Priority::Deletion);
        let Ok(looked) = tokio::time::timeout_at(self.limit, observe(&lambda, target)).await else {
            return Ok(Seen::TooLate);
        };
        let mut observed = looked.map_err(|(_, error)| error)?;
        let planned = plan(target, routes, &observed, self.settings);
        taken.in_use_by = planned.in_use_by;
        let mut failed = Failed::none(target, routes, self.settings);
        let at = (&lambda, target, &self.locks);
        let stopped = writes::carry_out(at, planned.steps, &mut observed, &mut failed, &mut &*self).await;
        self.note(target, routes, observed, taken);
        match stopped {
            Some(Stopped::Aws(failure)) => Err(failure.error),
            None => {
                taken.failures = failed.errors();
                Ok(Seen::ToTheEnd)
            }
        }
    }

    fn note(&self, target: &FunctionTarget, routes: &[RouteOnTarget], observed: Observation, taken: &mut Taken) {
        taken.left = plan(target, routes, &observed, self.settings).steps;
        // What those that stay still lack isn't an uninstall's to wait for.
        taken.left.retain(|step| matches!(step, Step::DeleteFunctionUrlConfig { .. } | Step::RemovePermission { .. }));
        taken.observed = Some(observed);
    }
}
