//! Plans whose writes fail in part: what goes on, and whom it is told.

use std::collections::BTreeMap;

use super::*;
use crate::aws::{AwsError, Denied, ErrorKind};
use crate::observe::Aspect;
use crate::view::{Failure, TargetView};

const DELETED: &str = "arn:aws:iam::111122223333:role/deleted";

fn failure(kind: ErrorKind) -> Failure {
    let error = AwsError {
        operation: "lambda:AddPermission",
        kind,
        code: "Refused".into(),
        message: String::new(),
        request_id: None,
    };
    Failure { aspect: Aspect::Permissions, error }
}

fn unknown(step: &Step) -> Option<Failure> {
    match step {
        Step::AddPermission { grant, whose, .. } if grant.grantee.principal == DELETED => {
            Some(failure(ErrorKind::InvalidPrincipal(Some(whose.clone()))))
        }
        _ => None,
    }
}

fn refused(step: &Step) -> Failure {
    failure(ErrorKind::AccessDenied(Denied::parse(step.kind().told().0, "no")))
}

/// What was written and what was found then, where some writes fail.
fn try_out(
    routes: &[RouteOnTarget],
    aws: &mut Observation,
    settings: &Settings,
    fails: impl Fn(&Step) -> Option<Failure>,
) -> (Vec<String>, TargetView) {
    let planned = plan(&target(), routes, aws, settings);
    let target = target();
    let mut failed = Failed::none(&target, routes, settings);
    let mut done = Vec::new();
    for step in planned.steps {
        if failed.holds_back(&step, aws) {
            continue;
        }
        match fails(&step) {
            Some(failure) => failed.add(step, failure),
            None => {
                carry_out(&step, aws);
                done.push(words(&step));
            }
        }
    }
    let left = plan(&target, routes, aws, settings);
    let unfinished = left.unfinished(routes, settings);
    let view = TargetView::new(jiff::Timestamp::UNIX_EPOCH, aws, left, &unfinished, routes, None, failed.told());
    (done, view)
}

fn serves(view: &TargetView, name: &str, settings: UrlSettings) -> bool {
    view.serves(&key(name), &demand(settings))
}

#[test]
fn one_routes_unknown_principal_neither_stops_nor_shows_in_anothers_change() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(NONE, &[REPORTER]))], &mut aws);
    let routes = [wants_this("a", with_grants(IAM, &[AUDITOR])), wants_this("b", with_grants(IAM, &[DELETED]))];
    let (done, view) = try_out(&routes, &mut aws, &settings(), unknown);
    assert!(done.contains(&"UpdateFunctionUrlConfig".to_owned()), "the URL is public no more: {done:?}");
    let named: BTreeSet<&Principal> =
        aws.policy.statements.iter().flat_map(|statement| &statement.principals).collect();
    assert_eq!(named, BTreeSet::from([&Principal::Aws(ROLE.into()), &Principal::Aws(AUDITOR.into())]));
    assert!(serves(&view, "a", IAM) && view.failure_for(&key("a")).is_none());
    assert!(!serves(&view, "b", IAM));
    let told = &view.failure_for(&key("b")).unwrap().error.kind;
    assert_eq!(told, &ErrorKind::InvalidPrincipal(Some("grant deleted".into())));
    // The next try costs one call.
    let calls = std::cell::Cell::new(0);
    let count = |step: &Step| unknown(step).inspect(|_| calls.set(calls.get() + 1));
    try_out(&routes, &mut aws, &settings(), count);
    assert_eq!(calls.get(), 1);
}

#[test]
fn a_release_waits_for_nothing_but_its_own() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(IAM, &[REPORTER]))], &mut aws);
    let routes = [releases("a"), wants_this("b", with_grants(IAM, &[DELETED])), wants("c", IAM)];
    let (_, view) = try_out(&routes, &mut aws, &settings(), unknown);
    assert_eq!(view.released, BTreeSet::from([key("a")]));
    assert!(serves(&view, "c", IAM) && !serves(&view, "b", IAM));
    assert_eq!(aws.policy.statements.len(), 2);
}

#[test]
fn a_release_ends_only_when_nothing_that_may_be_its_own_is_left() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(IAM, &[REPORTER]))], &mut aws);
    let removal = |step: &Step| matches!(step, Step::RemovePermission { .. }).then(|| refused(step));
    let routes = [releases("a"), wants("b", IAM)];
    let (_, view) = try_out(&routes, &mut aws, &settings(), removal);
    assert!(view.released.is_empty() && view.failure_for(&key("a")).is_some());
    assert!(serves(&view, "b", IAM) && view.failure_for(&key("b")).is_none());
}

#[test]
fn new_proxies_that_aws_doesnt_know_leave_the_pair_of_the_former_ones_and_close_what_is_withdrawn() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(IAM, &[REPORTER]))], &mut aws);
    let new = Settings { principal: DELETED.parse().unwrap(), ..settings() };
    let (_, view) = try_out(&[wants("a", IAM)], &mut aws, &new, unknown);
    assert_eq!(sids(&aws), sids(&created()));
    assert!(view.failure_for(&key("a")).is_some() && !serves(&view, "a", IAM));
}

#[test]
fn a_url_isnt_made_public_or_created_without_the_statements_that_it_needs() {
    let blocked = |step: &Step| match step {
        Step::AddPermission { grant, .. } if grant.grantee.principal == "*" => {
            Some(failure(ErrorKind::PublicPolicyBlocked))
        }
        _ => None,
    };
    let mut aws = created();
    let (done, _) = try_out(&[wants("orders", NONE)], &mut aws, &settings(), blocked);
    assert_eq!((done.len(), aws), (0, created()));
    let new = Settings { principal: DELETED.parse().unwrap(), ..settings() };
    let mut bare = Observation::bare();
    let (done, _) = try_out(&[wants("orders", IAM)], &mut bare, &new, unknown);
    assert_eq!((done.len(), bare), (0, Observation::bare()));
}

#[test]
fn what_the_controller_may_not_grant_to_one_is_asked_for_once_and_keeps_nobody_else_out() {
    for (denied, other) in [(REPORTER, AUDITOR), (AUDITOR, REPORTER)] {
        let asked = std::cell::Cell::new(0);
        let add = |step: &Step| match step {
            Step::AddPermission { grant, .. } if grant.grantee.principal == denied => Some(refused(step)),
            _ => None,
        };
        let count = |step: &Step| add(step).inspect(|_| asked.set(asked.get() + 1));
        let mut aws = created();
        let both = with_grants(IAM, &[denied, other]);
        let routes = [wants("a", IAM), wants_this("b", both), wants_this("c", with_grants(IAM, &[other]))];
        let (_, view) = try_out(&routes, &mut aws, &settings(), count);
        assert_eq!(asked.get(), 1);
        assert_eq!(view.failures.keys().collect::<Vec<_>>(), [&key("b")]);
        assert!(view.serves(&key("c"), &with_grants(IAM, &[other])));
    }
}

#[test]
fn a_statement_that_may_not_be_removed_lets_nobody_else_stay() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(IAM, &[AUDITOR, REPORTER]))], &mut aws);
    let first = plan(&target(), &[releases("a")], &aws, &settings())
        .steps
        .into_iter()
        .find_map(|step| match step {
            Step::RemovePermission { sid, .. } => Some(sid),
            _ => None,
        })
        .unwrap();
    let removal = |step: &Step| match step {
        Step::RemovePermission { sid, .. } if *sid == first => Some(refused(step)),
        _ => None,
    };
    try_out(&[releases("a")], &mut aws, &settings(), removal);
    assert_eq!(sids(&aws), [first.to_string()]);
    assert_eq!(aws.url, None);
}

#[test]
fn a_url_that_cant_be_deleted_keeps_its_proof_and_nothing_else() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(IAM, &[REPORTER]))], &mut aws);
    let deletion = |step: &Step| matches!(step, Step::DeleteFunctionUrlConfig { .. }).then(|| refused(step));
    let (_, view) = try_out(&[releases("a")], &mut aws, &settings(), deletion);
    assert_eq!((aws.policy.statements.len(), view.released.len()), (1, 0));
    assert_eq!(try_out(&[releases("a")], &mut aws, &settings(), |_| None).1.released.len(), 1);
    assert_eq!(aws, Observation::bare());
}

#[test]
fn grants_without_room_are_left_out_and_told_to_whoever_asks_for_them() {
    let mut aws = Observation::bare();
    converge(&[wants_this("a", with_grants(NONE, &[REPORTER]))], &mut aws);
    filled(&mut aws, 20_300);
    let many: Vec<String> = (0..9).map(|n| format!("arn:aws:iam::444455556666:role/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let routes = [wants("a", IAM), wants_this("b", with_grants(IAM, &many))];
    let (done, view) = try_out(&routes, &mut aws, &settings(), |_| None);
    assert!(done.contains(&"UpdateFunctionUrlConfig".to_owned()), "{done:?}");
    assert!(view.too_large.is_some() && serves(&view, "a", IAM) && !serves(&view, "b", IAM));
    let nobody = Principal::Any;
    assert!(!aws.policy.statements.iter().any(|statement| statement.principals.contains(&nobody)));
}

fn any_failing() -> impl Strategy<Value = BTreeMap<&'static str, bool>> {
    proptest::collection::btree_map(any_principal(), any::<bool>(), 0..4)
}

proptest! {
    #[test]
    fn whatever_cant_be_granted_nothing_foreign_is_named_and_the_proxies_are_not_kept_out(
        routes in routes(),
        url in urls(),
        granted in granted(),
        failing in any_failing(),
    ) {
        let policy = Policy { statements: granted, ..Policy::default() };
        let before = Observation { function: FunctionState::Exists, url, policy };
        let mut after = before.clone();
        let fails = |step: &Step| match step {
            Step::AddPermission { grant, .. } if failing.get(grant.grantee.principal.as_str()) == Some(&true) => {
                Some(failure(ErrorKind::InvalidPrincipal(None)))
            }
            _ => None,
        };
        let (_, view) = try_out(&routes, &mut after, &settings(), fails);
        let has = |aws: &Observation, grant: &Grant| {
            our_sids(&target(), aws, &settings()).iter().any(|sid| concern::is_of(sid, grant))
        };
        if routes.iter().any(|route| route.intent != Intent::Releases) {
            for grant in pair_of(ROLE) {
                prop_assert!(!has(&before, &grant) || has(&after, &grant), "the proxies' pair stays");
            }
        }
        let stays: BTreeSet<String> = routes.iter().flat_map(|route| match &route.intent {
            Intent::Wants { demand, programmed, .. } => [Some(demand), programmed.as_ref()],
            Intent::Keeps { programmed, .. } => [programmed.as_ref(), None],
            Intent::Releases => [None, None],
        }).flatten().flat_map(|demand| &demand.grants).map(|grant| grant.grantee.principal.clone()).collect();
        for released in &view.released {
            let left = our_sids(&target(), &after, &settings());
            let nobodys = left.iter().filter(|sid| sid.created.is_none()).find(|sid| {
                let of = |principal: &str| pair_of(principal).iter().any(|grant| concern::is_of(sid, grant));
                !of(ROLE) && !stays.iter().any(|principal| of(principal))
            });
            prop_assert!(nobodys.is_none(), "{released} left {nobodys:?}");
        }
    }
}
