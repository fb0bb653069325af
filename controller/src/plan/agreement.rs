//! Routes that share a target, and whether they agree. Nothing here depends on ages, names or the order of reconciles.

use std::collections::BTreeSet;

use lambdaroute_crds::{FunctionUrlManagement, PermissionsManagement};

use super::{Intent, RouteOnTarget};
use crate::demand::{Demand, NamedGrant};
use crate::observation::UrlSettings;
use crate::step::RouteKey;

/// What the routes of a target make of it together.
pub(super) struct Agreement<'a> {
    /// Some route uses the target: nothing that it needs may be taken back.
    pub(super) needed: bool,
    /// What is kept true; none while they disagree and nothing says who goes on.
    pub(super) desired: Option<UrlSettings>,
    /// Routes whose manifest isn't carried out.
    pub(super) conflicted: BTreeSet<RouteKey>,
    /// What of each route goes on: its manifest, or what is programmed.
    going: Vec<Going<'a>>,
}

struct Going<'a> {
    demand: &'a Demand,
    /// In its name AWS may be written.
    writes: bool,
}

impl Agreement<'_> {
    fn writers(&self) -> impl Iterator<Item = &Demand> {
        self.going.iter().filter(|going| going.writes).map(|going| going.demand)
    }

    /// There is a route in whose name AWS may be written.
    pub(super) fn may_write(&self) -> bool {
        self.writers().next().is_some()
    }

    /// A URL config may be made, and one of ours changed.
    pub(super) fn manages_url(&self) -> bool {
        self.writers().any(|demand| demand.management != FunctionUrlManagement::Observe)
    }

    /// A URL config of others may be changed.
    pub(super) fn adopts(&self) -> bool {
        self.writers().any(|demand| demand.management == FunctionUrlManagement::Adopt)
    }

    /// Every route only reads the URL config.
    pub(super) fn observes(&self) -> bool {
        self.going.iter().all(|going| going.demand.management == FunctionUrlManagement::Observe)
    }

    /// The policy may be written.
    pub(super) fn manages_permissions(&self) -> bool {
        self.writers().any(|demand| demand.permissions == PermissionsManagement::Managed)
    }

    /// Whom the routes in whose name AWS is written let in.
    pub(super) fn grants(&self) -> BTreeSet<&NamedGrant> {
        self.writers().flat_map(|demand| &demand.grants).collect()
    }

    /// Whom any route lets in: nobody of them is taken away.
    pub(super) fn held(&self) -> BTreeSet<&NamedGrant> {
        self.going.iter().flat_map(|going| &going.demand.grants).collect()
    }
}

/// One demand: all agree. Several: those that agree with what AWS has (or, where it is lost, with what is programmed) go on,
/// and no disputed setting is written.
pub(super) fn agree<'a>(routes: &'a [RouteOnTarget], observed: Option<&UrlSettings>) -> Agreement<'a> {
    let mut demands: Vec<&Demand> = Vec::new();
    let mut programmed: Vec<&Demand> = Vec::new();
    let mut needed = false;
    for RouteOnTarget { route: _, intent, recorded: _ } in routes {
        match intent {
            Intent::Wants { demand, programmed: served, finalizer: _ } => {
                needed = true;
                demands.push(demand);
                programmed.extend(served);
            }
            Intent::Keeps { programmed: served, repair: _ } => {
                needed = true;
                demands.extend(served);
                programmed.extend(served);
            }
            Intent::Releases => {}
        }
    }
    let usual = UrlSettings::usual();
    let found = observed.unwrap_or(&usual);
    let desired = common(&demands, found)
        .or_else(|| observed.cloned())
        .or_else(|| common(&programmed, found))
        .filter(|settings| demands.iter().chain(&programmed).any(|demand| demand.admits(settings)));
    let conflicted = routes
        .iter()
        .filter(|route| matches!(&route.intent, Intent::Wants { demand, .. } if !goes_on(demand, desired.as_ref())))
        .map(|route| route.route.clone())
        .collect();
    let going = routes.iter().filter_map(|route| going(&route.intent, desired.as_ref())).collect();
    Agreement { needed, desired, conflicted, going }
}

/// What all demand; what all leave open is as found.
fn common(demands: &[&Demand], found: &UrlSettings) -> Option<UrlSettings> {
    if demands.is_empty() {
        return None;
    }
    let settings = demands.iter().fold(found.clone(), |settings, demand| demand.fill(&settings));
    demands.iter().all(|demand| demand.admits(&settings)).then_some(settings)
}

fn goes_on(demand: &Demand, desired: Option<&UrlSettings>) -> bool {
    desired.is_some_and(|desired| demand.admits(desired))
}

fn going<'a>(intent: &'a Intent, desired: Option<&UrlSettings>) -> Option<Going<'a>> {
    match intent {
        Intent::Wants { demand, .. } if goes_on(demand, desired) => Some(Going { demand, writes: true }),
        Intent::Wants { programmed, .. } => {
            programmed.as_ref().map(|demand| Going { demand, writes: goes_on(demand, desired) })
        }
        Intent::Keeps { programmed, repair } => {
            programmed.as_ref().map(|demand| Going { demand, writes: *repair && goes_on(demand, desired) })
        }
        Intent::Releases => None,
    }
}
