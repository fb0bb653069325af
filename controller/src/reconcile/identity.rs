//! Asks STS once who the controller is, again and again until it answers: without its account nothing may be resolved.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Reconciler, lock};
use crate::assess::Installation;
use crate::queue::backoff;
use crate::target::Defaults;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

pub(super) fn spawn(reconciler: &Arc<Reconciler>, tasks: &mut JoinSet<&'static str>) {
    let reconciler = reconciler.clone();
    tasks.spawn(async move {
        ask(&reconciler).await;
        std::future::pending().await
    });
}

async fn ask(reconciler: &Reconciler) {
    let mut failures = 0;
    loop {
        match reconciler.setup.aws.caller_identity().await {
            Ok(identity) => {
                tracing::info!(arn = identity.arn, region = identity.defaults.region, "the controller's AWS identity");
                reconciler.identified(identity.defaults);
                *lock(&reconciler.identity_failure) = None;
                reconciler.add_all();
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "the controller's AWS identity is unknown; nothing is written in AWS");
                let first = lock(&reconciler.identity_failure).replace(error).is_none();
                if first {
                    reconciler.add_all();
                }
                failures += 1;
                tokio::time::sleep(backoff(failures, FIRST, LONGEST, rand::random())).await;
            }
        }
    }
}

impl Reconciler {
    /// From here on targets are planned: which routes they have is known before.
    fn identified(&self, defaults: Defaults) {
        let _one_by_one = lock(&self.noting);
        let defaults = Some(defaults);
        self.index_all(&Installation { defaults: defaults.clone(), ..self.installation() });
        self.installation.write().unwrap_or_else(PoisonError::into_inner).defaults = defaults;
    }
}
