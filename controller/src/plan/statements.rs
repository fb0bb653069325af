//! The difference between the statements that a target should have of us and those that it has.

use std::collections::{BTreeMap, BTreeSet};

use lambdaroute_crds::AuthType;

use super::Settings;
use super::agreement::Agreement;
use super::ours::our_sids;
use crate::demand::NamedGrant;
use crate::observation::Observation;
use crate::policy::{Access, Grant, Grantee, Principal};
use crate::sid::{Mark, Sid};
use crate::step::Step;
use crate::target::FunctionTarget;

/// Whom the proxies' own pair is for, in messages.
pub(super) const PROXIES: &str = "the proxies";

/// Writes of statements, by when they are due.
#[derive(Default)]
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

/// What is granted, and to whom by name: the proxies' pair always, `*` only while the URL is to be public.
pub(super) type Wanted = BTreeMap<Grant, String>;

pub(super) fn of_grants<'a>(grants: impl IntoIterator<Item = &'a NamedGrant>, auth_type: AuthType) -> Wanted {
    let mut wanted = Wanted::new();
    for NamedGrant { name, grantee } in grants {
        let for_url = if grantee.principal == "*" { AuthType::None } else { AuthType::AwsIam };
        if for_url == AuthType::AwsIam || auth_type == AuthType::None {
            for grant in Grant::pair(grantee, for_url) {
                wanted.entry(grant).or_insert_with(|| format!("grant {name}"));
            }
        }
    }
    wanted
}

pub(super) fn proxies(settings: &Settings) -> Grantee {
    Grantee::of(settings.principal.arn())
}

fn managed(agreement: &Agreement<'_>, auth_type: AuthType, settings: &Settings) -> Wanted {
    let mut wanted = of_grants(agreement.grants(), auth_type);
    wanted.extend(Grant::pair(&proxies(settings), AuthType::AwsIam).map(|grant| (grant, PROXIES.to_owned())));
    wanted
}

/// What calls need, or a manifest asks for, and nobody's statement gives, where no statement of ours is to: because the policy
/// is only read, or because a URL that was found public has nothing public of ours.
pub(super) fn missing(
    target: &FunctionTarget,
    agreement: &Agreement<'_>,
    auth_type: AuthType,
    observed: &Observation,
    settings: &Settings,
) -> BTreeSet<Grant> {
    let needed = match auth_type {
        AuthType::AwsIam => Grant::pair(&proxies(settings), AuthType::AwsIam),
        AuthType::None => Grant::pair(&Grantee::of("*"), AuthType::None),
    };
    let ours = if agreement.manages_permissions() { managed(agreement, auth_type, settings) } else { Wanted::new() };
    let arn = target.arn();
    of_grants(agreement.held(), auth_type)
        .into_keys()
        .chain(needed)
        .filter(|grant| !ours.contains_key(grant) && !observed.policy.admits(grant, &arn))
        .collect()
}

pub(super) fn changes(
    target: &FunctionTarget,
    agreement: &Agreement<'_>,
    auth_type: AuthType,
    mark: Option<Mark>,
    creates: bool,
    observed: &Observation,
    settings: &Settings,
) -> Changes {
    let present = our_sids(target, observed, settings);
    let wanted = managed(agreement, auth_type, settings);
    let proxies = proxies(settings);
    let (mut before, mut after, mut kept) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (grant, whose) in &wanted {
        let carries_mark = grant.access == Access::Fn && grant.grantee == proxies;
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
            whose: whose.clone(),
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
    let wanted: BTreeSet<_> = wanted.keys().map(|grant| (grant.kind(), grant.hash())).collect();
    let held: BTreeSet<_> =
        of_grants(agreement.held(), auth_type).keys().map(|grant| (grant.kind(), grant.hash())).collect();
    let key = |sid: &Sid| (sid.kind, sid.statement.clone());
    let stale: Vec<&Sid> = present
        .iter()
        .filter(|sid| !kept.contains(sid) && (wanted.contains(&key(sid)) || !held.contains(&key(sid))))
        .collect();
    Changes {
        before,
        after,
        unwanted_grants: stale.iter().filter(|sid| !wanted.contains(&key(sid))).map(|sid| remove(sid)).collect(),
        stale: stale.into_iter().map(remove).collect(),
    }
}

/// Of ours, what no route holds that stays: it goes whoever else may write, and whatever the others disagree about. The proxies'
/// pair stays, also that of former proxies, which the mark of a URL config names: only a writer puts the new one beside it first.
pub(super) fn withdrawn(
    target: &FunctionTarget,
    agreement: &Agreement<'_>,
    observed: &Observation,
    settings: &Settings,
) -> Vec<Step> {
    let present = our_sids(target, observed, settings);
    // Public or not now: a route that stays has what it has.
    let mut kept = of_grants(agreement.held(), AuthType::None);
    for grantee in marked(&present, observed).chain([proxies(settings)]) {
        kept.extend(Grant::pair(&grantee, AuthType::AwsIam).map(|grant| (grant, PROXIES.to_owned())));
    }
    let kept: BTreeSet<_> = kept.keys().map(|grant| (grant.kind(), grant.hash())).collect();
    present
        .into_iter()
        .filter(|sid| sid.created.is_none() && !kept.contains(&(sid.kind, sid.statement.clone())))
        .map(|sid| Step::RemovePermission { target: target.clone(), sid })
        .collect()
}

/// Whom statements of ours name that carry a mark: the proxies, by their name then.
fn marked<'a>(present: &BTreeSet<Sid>, observed: &'a Observation) -> impl Iterator<Item = Grantee> + 'a {
    let marked: BTreeSet<String> =
        present.iter().filter(|sid| sid.created.is_some()).map(ToString::to_string).collect();
    let statements = observed.policy.statements.iter();
    let statements = statements.filter(move |statement| statement.sid.as_ref().is_some_and(|sid| marked.contains(sid)));
    statements.flat_map(|statement| &statement.principals).filter_map(|principal| match principal {
        Principal::Aws(arn) => Some(Grantee::of(arn)),
        _ => None,
    })
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
