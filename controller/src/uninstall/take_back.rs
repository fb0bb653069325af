//! Takes one target back in AWS: look, plan, write, and again with growing pauses until nothing is left or the time is over.

use std::time::Duration;

use tokio::time::Instant;

use super::leftover::Taken;
use crate::apply::{FunctionLocks, apply};
use crate::aws::{Aws, AwsError, ErrorKind};
use crate::leadership::Leadership;
use crate::observation::Observation;
use crate::observe::observe;
use crate::plan::{RouteOnTarget, Settings, plan};
use crate::priority::Priority;
use crate::queue::backoff;
use crate::step::Step;
use crate::target::FunctionTarget;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(8);

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

impl Hands<'_> {
    pub(super) async fn take_back(&self, target: &FunctionTarget, routes: &[RouteOnTarget]) -> Taken {
        let mut taken = Taken::default();
        let mut failures = 0;
        loop {
            match self.once(target, routes, &mut taken).await {
                Ok(Seen::ToTheEnd) => {
                    taken.failure = None;
                    if taken.left.is_empty() {
                        return taken;
                    }
                }
                Ok(Seen::TooLate) => return taken,
                Err(error) => {
                    tracing::warn!(%target, %error, "not taken back yet");
                    // That the time was over says nothing beside what AWS said before.
                    if error.kind != ErrorKind::NotLeading || taken.failure.is_none() {
                        taken.failure = Some(error);
                    }
                }
            }
            failures += 1;
            let again = Instant::now() + backoff(failures, FIRST, LONGEST, rand::random());
            if again >= self.limit {
                return taken;
            }
            tokio::time::sleep_until(again).await;
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
        let writes = self.locks.of(target);
        let _one_by_one = writes.lock().await;
        let mut outcome = Ok(Seen::ToTheEnd);
        for step in planned.steps {
            tracing::info!("{step}");
            let deadline = self.leadership.deadline().min(self.limit);
            match apply(&lambda, &step, &observed, deadline).await {
                Ok(applied) => observed.fold(applied.written),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        self.note(target, routes, observed, taken);
        outcome
    }

    fn note(&self, target: &FunctionTarget, routes: &[RouteOnTarget], observed: Observation, taken: &mut Taken) {
        taken.left = plan(target, routes, &observed, self.settings).steps;
        // What those that stay still lack isn't an uninstall's to wait for.
        taken.left.retain(|step| matches!(step, Step::DeleteFunctionUrlConfig { .. } | Step::RemovePermission { .. }));
        taken.observed = Some(observed);
    }
}
