//! Whom a write is for: what is left to be done, or fails, is told to these routes and to nobody else.

use std::collections::BTreeSet;

use lambdaroute_crds::AuthType;

use super::statements::{of_grants, proxies};
use super::{Intent, Plan, RouteOnTarget, Settings};
use crate::demand::NamedGrant;
use crate::policy::Grant;
use crate::sid::Sid;
use crate::step::{RouteKey, Step};

/// Routes that a write is for. One of a grant is for those that have it; one of the URL config or of the proxies' pair for all
/// that stay. A statement that no manifest asks for may have been any leaving route's.
pub(super) fn concerned(step: &Step, routes: &[RouteOnTarget], settings: &Settings) -> BTreeSet<RouteKey> {
    let of = |chosen: &dyn Fn(&RouteOnTarget) -> bool| -> BTreeSet<RouteKey> {
        routes.iter().filter(|route| chosen(route)).map(|route| route.route.clone()).collect()
    };
    let leaves = |route: &RouteOnTarget| route.intent == Intent::Releases;
    let has = |route: &RouteOnTarget, grantee| grants(route).any(|grant| grant.grantee == grantee);
    let chosen = match step {
        Step::AddFinalizer { route } | Step::RecordTarget { route, .. } => return BTreeSet::from([route.clone()]),
        Step::CreateFunctionUrlConfig { .. } | Step::UpdateFunctionUrlConfig { .. } => of(&|route| !leaves(route)),
        Step::AddPermission { grant, .. } if grant.grantee == proxies(settings) => of(&|route| !leaves(route)),
        Step::AddPermission { grant, .. } => of(&|route| has(route, grant.grantee.clone())),
        Step::RemovePermission { sid, .. } if is_proxies(sid, settings) => of(&|route| !leaves(route)),
        Step::RemovePermission { sid, .. } => of(&|route| leaves(route) || is_granted(sid, route)),
        Step::DeleteFunctionUrlConfig { .. } => of(&leaves),
        _ => return BTreeSet::new(),
    };
    if chosen.is_empty() { of(&|_| true) } else { chosen }
}

fn grants(route: &RouteOnTarget) -> impl Iterator<Item = &NamedGrant> {
    let (demand, programmed) = match &route.intent {
        Intent::Wants { demand, programmed, .. } => (Some(demand), programmed.as_ref()),
        Intent::Keeps { programmed, .. } => (None, programmed.as_ref()),
        Intent::Releases => (None, None),
    };
    [demand, programmed].into_iter().flatten().flat_map(|demand| &demand.grants)
}

fn is_proxies(sid: &Sid, settings: &Settings) -> bool {
    Grant::pair(&proxies(settings), AuthType::AwsIam).iter().any(|grant| is_of(sid, grant))
}

fn is_granted(sid: &Sid, route: &RouteOnTarget) -> bool {
    of_grants(grants(route), AuthType::None).keys().any(|grant| is_of(sid, grant))
}

/// Whether a statement under this Sid is this grant's, whatever its mark.
pub(super) fn is_of(sid: &Sid, grant: &Grant) -> bool {
    sid.kind == grant.kind() && sid.statement == grant.hash()
}

impl Plan {
    /// Routes for which something is still to be written, or would have to be and can't.
    pub fn unfinished(&self, routes: &[RouteOnTarget], settings: &Settings) -> BTreeSet<RouteKey> {
        self.steps.iter().chain(&self.left_out).flat_map(|step| concerned(step, routes, settings)).collect()
    }
}
