//! The age of a table, and when it is too old.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + DAY + Duration::from_secs(seconds)
}

#[test]
fn a_table_without_a_limit_is_never_too_old() {
    assert!(!Contact::new(None).is_too_old(|| at(0)));
}

#[test]
fn a_table_is_too_old_when_the_last_contact_is() {
    let contact = Contact::new(Some(Duration::from_secs(60)));
    assert!(contact.is_too_old(|| at(0)), "there never was any contact");
    contact.connected(at(0));
    assert!(!contact.is_too_old(|| at(1000)), "a living stream is contact");
    contact.disconnected(at(1000));
    assert!(!contact.is_too_old(|| at(1060)));
    assert!(contact.is_too_old(|| at(1061)));
}

#[test]
fn a_failed_attempt_to_connect_is_no_contact() {
    let contact = Contact::new(Some(Duration::from_secs(60)));
    contact.seen(at(0));
    contact.disconnected(at(50));
    assert!(contact.is_too_old(|| at(61)));
}

#[test]
fn the_age_counts_from_the_last_contact() {
    let contact = Contact::new(None);
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(contact.age(at(100)), None);
    contact.connected(at(100));
    assert_eq!(contact.age(at(200)), Some(Duration::ZERO));
    contact.disconnected(at(200));
    assert_eq!(contact.age(at(230)), Some(Duration::from_secs(30)));
}

#[test]
fn a_clock_that_was_once_ahead_does_not_keep_a_table_young() {
    let contact = Contact::new(Some(Duration::from_secs(60)));
    contact.seen(at(1_000_000));
    contact.connected(at(0));
    contact.disconnected(at(10));
    assert!(contact.is_too_old(|| at(71)));
}
