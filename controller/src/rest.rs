//! What a new leader needn't look at: a target whose routes' statuses say that everything was as it should be at the last look,
//! under the very manifests and settings of now. Pure. Only status is believed, which the controller alone writes; in doubt
//! there is a look.

use jiff::Timestamp;
use kube::ResourceExt;
use lambdaroute_crds::LambdaRoute;
use lambdaroute_crds::condition::ConditionType;
use sha2::{Digest, Sha256};

use crate::intent::recorded;
use crate::plan::{Intent, RouteOnTarget, Settings};
use crate::status::find;
use crate::target::FunctionTarget;

/// On a LambdaRoute: anything new asks for a look at AWS now.
pub const RECONCILE_AT: &str = "lambdaroute.dev/reconcile-at";
/// What status has room for.
const LONGEST: usize = 256;
/// To be raised whenever the same manifest leads to other writes than before: every target is looked at again then.
const PLAN_VERSION: u32 = 1;

/// A digest of everything but manifests that a plan depends on.
pub fn settings_digest(settings: &Settings) -> String {
    let Settings { cluster, principal } = settings;
    let text = format!("{PLAN_VERSION}\n{cluster}\n{principal}");
    hex::encode(&Sha256::digest(text.as_bytes())[..8])
}

/// What the annotation [`RECONCILE_AT`] says, as status remembers it.
pub fn asked(route: &LambdaRoute) -> Option<String> {
    let text = route.annotations().get(RECONCILE_AT)?;
    Some(if text.len() <= LONGEST {
        text.clone()
    } else {
        format!("sha256:{}", hex::encode(Sha256::digest(text.as_bytes())))
    })
}

/// Whether somebody asks for a look that hasn't been yet.
pub fn asks(route: &LambdaRoute) -> bool {
    let handled = route.status.as_ref().and_then(|status| status.last_handled_reconcile_at.as_ref());
    asked(route).is_some_and(|asked| Some(&asked) != handled)
}

/// When the target was last looked at, if nothing has to be written or looked at for any of its routes since then.
pub fn last_look<'a>(
    target: &FunctionTarget,
    routes: impl IntoIterator<Item = (&'a LambdaRoute, &'a RouteOnTarget)>,
    settings_digest: &str,
) -> Option<Timestamp> {
    let arn = target.arn();
    let mut last = None;
    for (route, on_target) in routes {
        match &on_target.intent {
            Intent::Releases => return None,
            // Nothing is written for it, whatever a look finds.
            Intent::Keeps { repair: false, .. } => continue,
            Intent::Keeps { repair: true, .. } => {}
            Intent::Wants { demand, programmed, finalizer } => {
                if !finalizer || !programmed.as_ref().is_some_and(|programmed| demand.met_by(programmed)) {
                    return None;
                }
            }
        }
        let holds = [ConditionType::FunctionURLReady, ConditionType::PermissionsReady].into_iter().all(|type_| {
            find(route, type_).is_some_and(|condition| {
                condition.status == "True" && condition.observed_generation == route.metadata.generation
            })
        });
        if !holds || asks(route) {
            return None;
        }
        let entry = recorded(route).iter().find(|recorded| recorded.function_arn == arn)?;
        if entry.settings_digest.as_deref() != Some(settings_digest) {
            return None;
        }
        let looked = entry.last_sync_time.as_ref()?.0;
        last = last.max(Some(looked));
    }
    last
}

#[cfg(test)]
mod tests;
