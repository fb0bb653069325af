//! The difference between the statements that a target should have of us and those that it has.

use std::collections::BTreeSet;

use lambdaroute_crds::AuthType;

use super::{Settings, our_sids};
use crate::observation::Observation;
use crate::policy::{Access, Grant};
use crate::sid::{Mark, Sid};
use crate::step::Step;
use crate::target::FunctionTarget;

/// Writes of statements, by when they are due.
pub(super) struct Changes {
    /// Before the URL config is written.
    pub(super) before: Vec<Step>,
    /// After it is created: they carry its mark.
    pub(super) after: Vec<Step>,
    /// Ours that aren't wanted any more, or were replaced.
    pub(super) stale: Vec<Step>,
    /// Of those, the ones whose grant itself isn't wanted any more.
    pub(super) unwanted_grants: Vec<Step>,
}

/// What we grant: the proxies' pair always, for everybody only while the URL is to be public.
fn wanted_grants(auth_type: AuthType, settings: &Settings) -> Vec<Grant> {
    let mut grants = Vec::from(Grant::pair(settings.principal.arn(), AuthType::AwsIam));
    if auth_type == AuthType::None {
        grants.extend(Grant::pair("*", AuthType::None));
    }
    grants
}

pub(super) fn changes(
    target: &FunctionTarget,
    auth_type: AuthType,
    mark: Option<Mark>,
    creates: bool,
    observed: &Observation,
    settings: &Settings,
) -> Changes {
    let present = our_sids(target, observed, settings);
    let grants = wanted_grants(auth_type, settings);
    let (mut before, mut after, mut kept) = (Vec::new(), Vec::new(), BTreeSet::new());
    for grant in &grants {
        let carries_mark = grant.access == Access::Fn && grant.principal == settings.principal.arn();
        let sid = Sid {
            cluster: settings.cluster.clone(),
            target: target.hash(),
            statement: grant.hash(),
            kind: grant.kind(),
            created: mark.clone().filter(|_| carries_mark),
        };
        let add = Step::AddPermission {
            target: target.clone(),
            sid: sid.clone(),
            grant: grant.clone(),
            mark_created: creates && carries_mark,
        };
        if creates && carries_mark {
            after.push(add);
            continue;
        }
        kept.insert(sid.clone());
        if !present.contains(&sid) {
            before.push(add);
        } else if !is_as_wanted(target, &sid, grant, observed) {
            // Under our Sid but dead (a deleted role) or tampered with: a Sid can't be written twice.
            before.push(Step::RemovePermission { target: target.clone(), sid });
            before.push(add);
        }
    }
    let remove = |sid: &Sid| Step::RemovePermission { target: target.clone(), sid: sid.clone() };
    let stale: Vec<&Sid> = present.iter().filter(|sid| !kept.contains(sid)).collect();
    let wanted = |sid: &Sid| grants.iter().any(|grant| grant.kind() == sid.kind && grant.hash() == sid.statement);
    Changes {
        before,
        after,
        unwanted_grants: stale.iter().filter(|sid| !wanted(sid)).map(|sid| remove(sid)).collect(),
        stale: stale.into_iter().map(remove).collect(),
    }
}

fn is_as_wanted(target: &FunctionTarget, sid: &Sid, grant: &Grant, observed: &Observation) -> bool {
    let text = sid.to_string();
    let wanted = grant.statement(None, &target.arn());
    observed
        .policy
        .statements
        .iter()
        .filter(|statement| statement.sid.as_deref() == Some(text.as_str()))
        .all(|statement| statement.same_grant(&wanted))
}
