//! What goes on after a write that failed, and whom the failure is told. Pure. Nobody's access is closed later because somebody
//! else's can't be opened; nothing is closed or opened before what has to stand first.

use std::collections::BTreeMap;

use lambdaroute_crds::AuthType;

use super::concern::{concerned, is_of};
use super::statements::PROXIES;
use super::{Intent, RouteOnTarget, Settings};
use crate::aws::AwsError;
use crate::observation::Observation;
use crate::policy::{Principal, Statement};
use crate::sid::Sid;
use crate::step::{RouteKey, Step};
use crate::target::FunctionTarget;
use crate::view::Failure;

/// Writes of one target that failed, or weren't tried after one that did.
pub struct Failed<'a> {
    target: &'a FunctionTarget,
    routes: &'a [RouteOnTarget],
    settings: &'a Settings,
    steps: Vec<(Step, Failure)>,
    told: BTreeMap<RouteKey, Failure>,
}

impl<'a> Failed<'a> {
    /// None so far.
    pub fn none(target: &'a FunctionTarget, routes: &'a [RouteOnTarget], settings: &'a Settings) -> Self {
        Self { target, routes, settings, steps: Vec::new(), told: BTreeMap::new() }
    }

    /// One that failed, for a reason of its own.
    pub fn add(&mut self, step: Step, failure: Failure) {
        for route in concerned(&step, self.routes, self.settings) {
            self.told.entry(route).or_insert_with(|| failure.clone());
        }
        self.steps.push((step, failure));
    }

    /// Why a step may not be carried out now: one that it waits for failed. It counts as failed itself then.
    pub fn holds_back(&mut self, step: &Step, observed: &Observation) -> bool {
        let waits = |(failed, _): &&(Step, Failure)| self.waits(step, failed, observed);
        let Some((_, failure)) = self.steps.iter().find(waits).cloned() else { return false };
        self.add(step.clone(), failure);
        true
    }

    /// What AWS said, in the order in which it said it, of each operation once.
    pub fn errors(&self) -> Vec<AwsError> {
        let mut errors: Vec<AwsError> = Vec::new();
        for (_, failure) in &self.steps {
            if errors.iter().all(|known| known.operation != failure.error.operation) {
                errors.push(failure.error.clone());
            }
        }
        errors
    }

    /// Each route's first failure.
    pub fn told(self) -> BTreeMap<RouteKey, Failure> {
        self.told
    }

    fn waits(&self, step: &Step, failed: &Step, observed: &Observation) -> bool {
        match (failed, step) {
            // Whoever AWS doesn't know, it doesn't know for the other half of the pair. That AWS lets the controller grant nothing
            // to one says nothing of others: a condition may name those that it may let in.
            (Step::AddPermission { grant: one, .. }, Step::AddPermission { grant: other, .. }) => {
                one.grantee == other.grantee
            }
            (Step::AddPermission { whose, .. }, Step::CreateFunctionUrlConfig { .. }) => whose == PROXIES,
            (Step::AddPermission { grant, whose, .. }, Step::UpdateFunctionUrlConfig { settings, .. }) => {
                match settings.auth_type {
                    AuthType::AwsIam => whose == PROXIES,
                    AuthType::None => grant.grantee.principal == "*",
                }
            }
            (Step::AddPermission { grant, whose, .. }, Step::RemovePermission { sid, .. }) => {
                is_of(sid, grant) || whose == PROXIES && self.may_be_proxies(sid, observed)
            }
            (Step::CreateFunctionUrlConfig { .. }, Step::AddPermission { mark_created, .. }) => *mark_created,
            // Who calls a public URL now would be kept out before it is closed; unless nobody serves it so any more.
            (Step::UpdateFunctionUrlConfig { .. }, Step::RemovePermission { sid, .. }) => {
                self.served_public()
                    && at(sid, observed).is_some_and(|known| known.principals.contains(&Principal::Any))
            }
            (Step::RemovePermission { sid: one, .. }, Step::AddPermission { sid: other, .. }) => one == other,
            // The proof that it is ours, for the next try.
            (Step::DeleteFunctionUrlConfig { .. }, Step::RemovePermission { sid, .. }) => sid.created.is_some(),
            _ => false,
        }
    }

    fn served_public(&self) -> bool {
        self.routes.iter().any(|route| match &route.intent {
            Intent::Wants { programmed, .. } | Intent::Keeps { programmed, .. } => {
                programmed.iter().flat_map(|demand| &demand.grants).any(|grant| grant.grantee.principal == "*")
            }
            Intent::Releases => false,
        })
    }

    /// A role or user of the function's account under no condition: the proxies' former pair may not go before the new one
    /// stands.
    fn may_be_proxies(&self, sid: &Sid, observed: &Observation) -> bool {
        let FunctionTarget { partition, account_id, .. } = self.target;
        let own = format!("arn:{partition}:iam::{account_id}:");
        let named = |principal: &Principal| matches!(principal, Principal::Aws(arn) if arn.starts_with(&own) && !arn.ends_with(":root"));
        let known = at(sid, observed);
        sid.created.is_some()
            || known.is_some_and(|known| known.conditions.len() == 1 && known.principals.iter().all(named))
    }
}

fn at<'a>(sid: &Sid, observed: &'a Observation) -> Option<&'a Statement> {
    let text = sid.to_string();
    observed.policy.statements.iter().find(|statement| statement.sid.as_ref() == Some(&text))
}
