//! Carries a target's plan out, one step after another. One that fails for a reason of its own stops those that wait for it, any
//! other failure the rest. What waits for what is `plan`'s to say.

use tokio::time::Instant;

use crate::apply::{FunctionLocks, apply, aspect};
use crate::aws::{AwsError, Lambda};
use crate::observation::{Applied, Observation};
use crate::plan::Failed;
use crate::step::Step;
use crate::target::FunctionTarget;
use crate::view::Failure;

/// Who writes: what goes with the calls of AWS.
pub trait Writer {
    /// Why a step in Kubernetes failed.
    type Error;

    /// Nothing is begun in AWS after it.
    fn deadline(&self) -> Instant;

    /// Carries out a step that is a write in Kubernetes. One in AWS is nothing here.
    ///
    /// # Errors
    /// The rest isn't tried.
    fn prepare(&mut self, step: &Step) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// A step was carried out.
    fn done(&mut self, step: Step, applied: Applied);
}

/// Why the rest of a plan wasn't tried.
#[derive(Debug)]
pub enum Stopped<E> {
    /// AWS's answer, or none: what is there isn't known any more.
    Aws(Failure),
    /// A step in Kubernetes.
    Kubernetes(E),
}

/// Carries out the steps of one target, with no other write of its function beside. `observed` is what they were planned on; it
/// takes in what is written. `failed` takes in what fails alone.
pub async fn carry_out<W: Writer>(
    (lambda, target, locks): (&Lambda<'_>, &FunctionTarget, &FunctionLocks),
    steps: Vec<Step>,
    observed: &mut Observation,
    failed: &mut Failed<'_>,
    writer: &mut W,
) -> Option<Stopped<W::Error>> {
    let writes = locks.of(target);
    let _one_by_one = writes.lock().await;
    for step in steps {
        if failed.holds_back(&step, observed) {
            tracing::info!("not now, since what it waits for failed: {step}");
            continue;
        }
        tracing::info!("{step}");
        if let Err(error) = writer.prepare(&step).await {
            return Some(Stopped::Kubernetes(error));
        }
        match apply(lambda, &step, observed, writer.deadline()).await {
            Ok(applied) => {
                observed.fold(applied.written.clone());
                writer.done(step, applied);
            }
            Err(error) => {
                tracing::warn!(%error, %step, "a write in AWS failed");
                let failure = Failure { aspect: aspect(&step), error: told(error, &step, target) };
                if !failure.error.is_of_one_write() {
                    return Some(Stopped::Aws(failure));
                }
                failed.add(step, failure);
            }
        }
    }
    None
}

/// With what the step was about, where AWS doesn't say.
fn told(error: AwsError, step: &Step, target: &FunctionTarget) -> AwsError {
    let error = match step {
        Step::AddPermission { whose, .. } => error.granting(whose),
        _ => error,
    };
    error.about(&target.arn())
}
