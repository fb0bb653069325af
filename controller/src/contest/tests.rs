//! Fights, on a clock that the test turns.

use super::*;
use crate::observation::UrlSettings;
use crate::policy::{Access, Grant, Grantee};
use crate::sid::{Kind, Sid};
use crate::target::FunctionTarget;

fn target() -> FunctionTarget {
    FunctionTarget::parse_arn("arn:aws:lambda:eu-west-1:111122223333:function:orders").unwrap()
}

fn routes(grants: &[&str]) -> Vec<RouteOnTarget> {
    let grants =
        grants.iter().map(|principal| crate::demand::NamedGrant { name: "a".into(), grantee: Grantee::of(principal) });
    vec![RouteOnTarget {
        route: RouteKey { namespace: "shop".into(), name: "orders".into(), uid: "u".into() },
        intent: Intent::Wants {
            demand: Demand { grants: grants.collect(), ..Demand::exactly(&UrlSettings::usual()) },
            programmed: None,
            finalizer: true,
        },
        recorded: None,
    }]
}

fn sid(hash: char) -> Sid {
    Sid {
        cluster: "prod1".parse().unwrap(),
        target: target().hash(),
        statement: hash.to_string().repeat(12),
        kind: Kind::Fn,
        created: crate::sid::Mark::of("2026-11-21T09:30:00.123+0000"),
    }
}

fn add(hash: char) -> Step {
    Step::AddPermission {
        target: target(),
        sid: sid(hash),
        grant: Grant { grantee: Grantee::of("444455556666"), access: Access::Fn },
        whose: "grant a".into(),
        mark_created: false,
    }
}

/// One look: what is to be written, and, unless it is held back, that it was.
fn look(contest: &mut Contest, steps: &[Step], now: Instant) -> Option<Held> {
    let held = contest.judge(&routes(&[]), steps, steps.is_empty(), now);
    if held.is_none() {
        contest.written(steps, now);
    }
    held
}

/// Settled, then repaired three times.
fn fought(now: Instant) -> Contest {
    let mut contest = Contest::default();
    for _ in 0..4 {
        assert_eq!(look(&mut contest, &[add('a')], now), None);
        assert_eq!(look(&mut contest, &[], now), None);
    }
    contest
}

#[test]
fn three_repairs_in_ten_minutes_are_a_fight_and_the_pauses_grow_to_minutes() {
    let begun = Instant::now();
    let mut contest = fought(begun);
    let mut now = begun;
    for pause in [60, 120, 240] {
        let held = look(&mut contest, &[add('a')], now).unwrap();
        assert_eq!(held.until, now + Duration::from_secs(pause));
        now = held.until;
        assert_eq!(look(&mut contest, &[add('a')], now), None, "then it is repaired once more");
    }
}

#[test]
fn what_is_fought_over_is_named_and_nothing_else_waits() {
    let now = Instant::now();
    let mut contest = fought(now);
    let held = contest.judge(&routes(&[]), &[add('a'), add('b')], false, now).unwrap();
    assert_eq!(held.what, BTreeSet::from([Contested::of(&add('a')).unwrap()]));
    assert!(
        matches!(held.what.first(), Some(Contested::Statement(sid)) if sid.ends_with("-fn")),
        "the mark may change"
    );
}

#[test]
fn a_url_that_is_to_be_made_waits_for_the_statement_that_proves_it() {
    let now = Instant::now();
    let mut contest = fought(now);
    let create = Step::CreateFunctionUrlConfig { target: target(), settings: UrlSettings::usual() };
    let mark = match add('a') {
        Step::AddPermission { target, sid, grant, whose, .. } => {
            Step::AddPermission { target, sid, grant, whose, mark_created: true }
        }
        other => other,
    };
    let held = contest.judge(&routes(&[]), &[add('b'), create.clone(), mark.clone()], false, now).unwrap();
    let together = [&create, &mark].map(|step| Contested::of(step).unwrap());
    assert_eq!(held.what, BTreeSet::from(together.clone()));

    let mut contest = Contest::default();
    for _ in 0..4 {
        look(&mut contest, std::slice::from_ref(&create), now);
        look(&mut contest, &[], now);
    }
    let held = contest.judge(&routes(&[]), &[create, mark], false, now).unwrap();
    assert_eq!(held.what, BTreeSet::from(together), "nor is the statement written without what it proves");
}

#[test]
fn bringing_a_target_up_and_changing_a_manifest_are_no_repairs() {
    let now = Instant::now();
    let mut contest = Contest::default();
    for _ in 0..9 {
        assert_eq!(look(&mut contest, &[add('a')], now), None, "it never was as wished");
    }
    let mut contest = fought(now);
    assert_eq!(contest.judge(&routes(&["444455556666"]), &[add('a')], false, now), None, "another wish begins anew");
}

#[test]
fn only_what_is_written_after_all_was_as_wished_repairs_somebody_elses_doing() {
    let now = Instant::now();
    let mut contest = Contest::default();
    contest.judge(&routes(&[]), &[], false, now);
    assert!(!contest.repairs(), "a function that isn't there needs no write and is not as wished");
    contest.judge(&routes(&[]), &[add('a')], false, now);
    assert!(!contest.repairs());
    contest.judge(&routes(&[]), &[], true, now);
    contest.judge(&routes(&[]), &[add('a')], false, now);
    assert!(contest.repairs());
    contest.judge(&routes(&["444455556666"]), &[add('a')], false, now);
    assert!(!contest.repairs(), "the user's own change");
}

#[test]
fn after_ten_quiet_minutes_a_repair_is_a_repair() {
    let now = Instant::now();
    let mut contest = fought(now);
    assert_eq!(look(&mut contest, &[add('a')], now + WITHIN), None);
}
