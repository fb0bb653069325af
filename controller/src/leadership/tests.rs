//! Who may take the Lease, and when it is lost.

use super::lease::{Claim, Watched, claim, epoch, is_held, release, renew};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn terms(identity: &str) -> Terms {
    Terms {
        name: "lambdaroute".to_owned(),
        identity: identity.to_owned(),
        duration: 15 * SECOND,
        renew_deadline: 10 * SECOND,
        retry_period: 2 * SECOND,
        owner: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn created(identity: &str) -> Lease {
    match claim(None, &Watched::default(), &terms(identity), Instant::now().into_std(), at(0)) {
        Claim::Create(mut lease) => {
            lease.metadata.resource_version = Some("1".to_owned());
            lease
        }
        other => panic!("expected a new lease, not {other:?}"),
    }
}

fn taken(lease: Lease, watched: &Watched, now: std::time::Instant) -> Option<Lease> {
    match claim(Some(lease), watched, &terms("b"), now, at(60)) {
        Claim::Take(lease) => Some(lease),
        Claim::Wait => None,
        Claim::Create(_) => panic!("there is one"),
    }
}

#[test]
fn a_lease_is_taken_only_after_its_whole_duration_without_a_change() {
    let (lease, now) = (created("a"), Instant::now().into_std());
    let mut watched = Watched::default();
    watched.see(Some(&lease), now);
    assert_eq!(taken(lease.clone(), &watched, now + 14 * SECOND), None);
    let mut renewed = lease.clone();
    renew(&mut renewed, at(14));
    renewed.metadata.resource_version = Some("2".to_owned());
    watched.see(Some(&renewed), now + 14 * SECOND);
    assert_eq!(taken(renewed.clone(), &watched, now + 20 * SECOND), None);
    let next = taken(renewed, &watched, now + 29 * SECOND).expect("it has ended");
    assert_eq!(epoch(&next), epoch(&lease) + 1);
    assert!(is_held(&next, "b", epoch(&next)));
    assert!(!is_held(&next, "a", epoch(&lease)));
}

#[test]
fn a_released_lease_is_taken_at_once_with_a_new_epoch() {
    let (mut lease, now) = (created("a"), Instant::now().into_std());
    let first = epoch(&lease);
    release(&mut lease, at(1));
    let mut watched = Watched::default();
    watched.see(Some(&lease), now);
    assert_eq!(taken(lease, &watched, now).map(|lease| epoch(&lease)), Some(first + 1));
}

#[test]
fn an_epoch_never_comes_again_even_if_the_lease_is_deleted() {
    let first = created("a");
    let Claim::Create(second) = claim(None, &Watched::default(), &terms("a"), Instant::now().into_std(), at(5)) else {
        panic!("expected a new lease")
    };
    assert!(epoch(&second) > epoch(&first));
}

#[test]
fn the_resource_version_that_was_seen_guards_the_taking() {
    let mut lease = created("a");
    release(&mut lease, at(1));
    let next = taken(lease, &Watched::default(), Instant::now().into_std()).expect("it is free");
    assert_eq!(next.metadata.resource_version.as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn leadership_is_lost_at_the_deadline_that_nobody_moves() {
    let begun = Instant::now();
    let (sender, receiver) = watch::channel(begun + 10 * SECOND);
    let leadership = Leadership { epoch: 1, deadline: receiver };
    tokio::time::advance(8 * SECOND).await;
    sender.send_replace(begun + 18 * SECOND);
    assert_eq!(leadership.budget(60 * SECOND), Some(10 * SECOND));
    leadership.lost().await;
    assert_eq!(Instant::now(), begun + 18 * SECOND);
    assert_eq!(leadership.budget(SECOND), None);
}
