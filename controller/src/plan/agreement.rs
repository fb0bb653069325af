//! Routes that share a target, and whether they agree. Nothing here depends on ages, names or the order of reconciles.

use std::collections::BTreeSet;

use super::{Intent, RouteOnTarget};
use crate::observation::UrlSettings;
use crate::step::RouteKey;

/// What the routes of a target make of it together.
pub(super) struct Agreement {
    /// Some route uses the target: nothing that it needs may be taken back.
    pub(super) needed: bool,
    /// What is kept true; none while they disagree and nothing says who goes on.
    pub(super) desired: Option<UrlSettings>,
    /// A route in whose name AWS may be written.
    pub(super) may_write: bool,
    /// Routes whose manifest isn't carried out.
    pub(super) conflicted: BTreeSet<RouteKey>,
}

/// One demand: all agree. Several: those that agree with what AWS has (or, where it is lost, with what is programmed) go on,
/// and no disputed setting is written.
pub(super) fn agree(routes: &[RouteOnTarget], observed: Option<UrlSettings>) -> Agreement {
    let mut demands = Vec::new();
    let mut programmed = Vec::new();
    let mut needed = false;
    for RouteOnTarget { route: _, intent, recorded: _ } in routes {
        match intent {
            Intent::Wants { settings, programmed: served, finalizer: _ } => {
                needed = true;
                demands.push(*settings);
                programmed.extend(*served);
            }
            Intent::Keeps { programmed: served, repair: _ } => {
                needed = true;
                demands.extend(*served);
                programmed.extend(*served);
            }
            Intent::Releases => {}
        }
    }
    let agreed = common(&demands);
    let baseline = agreed.or(observed).or_else(|| common(&programmed));
    let desired = baseline.filter(|baseline| demands.contains(baseline) || programmed.contains(baseline));
    let conflicted = routes
        .iter()
        .filter(|route| matches!(route.intent, Intent::Wants { settings, .. } if Some(settings) != desired))
        .map(|route| route.route.clone())
        .collect();
    let may_write = desired.is_some_and(|desired| routes.iter().any(|route| writes_for(&route.intent, desired)));
    Agreement { needed, desired, may_write, conflicted }
}

fn common(settings: &[UrlSettings]) -> Option<UrlSettings> {
    let first = *settings.first()?;
    settings.iter().all(|other| *other == first).then_some(first)
}

fn writes_for(intent: &Intent, desired: UrlSettings) -> bool {
    match intent {
        Intent::Wants { settings, programmed, finalizer: _ } => *settings == desired || *programmed == Some(desired),
        Intent::Keeps { programmed, repair } => *repair && *programmed == Some(desired),
        Intent::Releases => false,
    }
}
