//! The age of a table, and when it is too old.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// Moments after the process began, by both clocks.
struct Times {
    began: Instant,
}

impl Times {
    fn contact(max_age: Option<u64>) -> (Self, Contact) {
        let began = Instant::now();
        (Times { began }, Contact::new(max_age.map(Duration::from_secs), began))
    }

    fn at(&self, seconds: u64) -> Moment {
        self.by(seconds, seconds)
    }

    fn by(&self, wall: u64, monotonic: u64) -> Moment {
        let wall = SystemTime::UNIX_EPOCH + DAY + Duration::from_secs(wall);
        Moment { wall, monotonic: self.began + Duration::from_secs(monotonic) }
    }
}

#[test]
fn a_table_without_a_limit_is_never_too_old() {
    let (times, contact) = Times::contact(None);
    assert!(!contact.is_too_old(|| times.at(0)));
}

#[test]
fn a_table_is_too_old_when_the_last_contact_is() {
    let (times, contact) = Times::contact(Some(60));
    assert!(contact.is_too_old(|| times.at(0)), "there never was any contact");
    contact.connected(times.at(0));
    assert!(!contact.is_too_old(|| times.at(1000)), "a living stream is contact");
    contact.disconnected(times.at(1000));
    assert!(!contact.is_too_old(|| times.at(1060)));
    assert!(contact.is_too_old(|| times.at(1061)));
}

#[test]
fn a_failed_attempt_to_connect_is_no_contact() {
    let (times, contact) = Times::contact(Some(60));
    contact.seen(times.at(0));
    contact.disconnected(times.at(50));
    assert!(contact.is_too_old(|| times.at(61)));
}

#[test]
fn the_age_counts_from_the_last_contact() {
    let (times, contact) = Times::contact(None);
    assert_eq!(contact.age(times.at(100)), None);
    contact.connected(times.at(100));
    assert_eq!(contact.age(times.at(200)), Some(Duration::ZERO));
    contact.disconnected(times.at(200));
    assert_eq!(contact.age(times.at(230)), Some(Duration::from_secs(30)));
}

#[test]
fn a_clock_that_was_once_ahead_does_not_keep_a_table_young() {
    let (times, contact) = Times::contact(Some(60));
    contact.seen(times.by(1_000_000, 0));
    contact.connected(times.by(0, 1));
    contact.disconnected(times.by(10, 11));
    assert!(contact.is_too_old(|| times.by(71, 72)));
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_a_table_young() {
    let (times, contact) = Times::contact(Some(60));
    contact.connected(times.at(3600));
    contact.disconnected(times.at(3600));
    assert_eq!(contact.age(times.by(0, 3630)), Some(Duration::from_secs(30)), "by the clock that nobody sets");
    assert!(!contact.is_too_old(|| times.by(0, 3660)));
    assert!(contact.is_too_old(|| times.by(0, 3661)));
    // Before 1970 too.
    let far = Moment { wall: SystemTime::UNIX_EPOCH - DAY, ..times.at(3661) };
    assert_eq!(contact.age(far), Some(Duration::from_secs(61)));
}

#[test]
fn a_machine_that_slept_has_an_old_table() {
    let (times, contact) = Times::contact(Some(60));
    contact.connected(times.at(0));
    contact.disconnected(times.at(0));
    assert_eq!(contact.age(times.by(3600, 5)), Some(Duration::from_secs(3600)));
    assert!(contact.is_too_old(|| times.by(3600, 5)));
}

#[test]
fn the_contact_of_an_earlier_process_counts_and_one_of_the_future_is_one_of_now() {
    let (times, contact) = Times::contact(Some(60));
    contact.seen_before(times.at(0).wall, times.by(50, 0));
    assert_eq!(contact.age(times.by(55, 5)), Some(Duration::from_secs(55)));
    contact.seen_before(times.at(1_000_000).wall, times.by(50, 0));
    assert!(!contact.is_too_old(|| times.by(110, 60)));
    assert!(contact.is_too_old(|| times.by(111, 61)), "it ages from the start of this process on");
}
