//! Reads that fail, over time.

use super::*;

fn named(name: &str) -> SecretName {
    SecretName { namespace: "shop".into(), name: name.into() }
}

fn these(names: &[&str]) -> BTreeSet<SecretName> {
    names.iter().map(|name| named(name)).collect()
}

#[test]
fn what_failed_is_read_again_more_slowly_each_time_and_never_given_up() {
    let mut now = Instant::now();
    let mut unread = Unread::default();
    let mut pauses = Vec::new();
    let mut due = these(&["a"]);
    for _ in 0..8 {
        assert_eq!(unread.begin(due, now), these(&["a"]));
        unread.failed(these(&["a"]), now, 1.0);
        let next = unread.due().unwrap();
        pauses.push((next - now).as_secs());
        assert_eq!(unread.begin(BTreeSet::new(), next - Duration::from_millis(1)), BTreeSet::new());
        (due, now) = (BTreeSet::new(), next);
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn a_read_that_succeeds_begins_anew() {
    let now = Instant::now();
    let mut unread = Unread::default();
    for _ in 0..5 {
        unread.failed(these(&["a"]), now, 1.0);
    }
    assert_eq!(unread.begin(these(&["a"]), now), these(&["a"]), "somebody asks before its time");
    unread.failed(BTreeSet::new(), now, 1.0);
    assert_eq!(unread.due(), None);
    unread.failed(these(&["a"]), now, 1.0);
    assert_eq!(unread.due(), Some(now + FIRST));
}

#[test]
fn others_that_are_read_meanwhile_neither_hasten_nor_put_off_what_waits() {
    let now = Instant::now();
    let mut unread = Unread::default();
    unread.failed(these(&["a"]), now, 1.0);
    let due = unread.due().unwrap();
    assert_eq!(unread.begin(these(&["b"]), now + Duration::from_secs(1)), these(&["b"]));
    unread.failed(BTreeSet::new(), now + Duration::from_secs(1), 1.0);
    assert_eq!(unread.due(), Some(due));
    unread.begin(these(&["c"]), now + Duration::from_secs(1));
    unread.failed(these(&["c"]), now + Duration::from_secs(1), 1.0);
    assert_eq!(unread.due(), Some(due), "another failure doesn't put it off");
    assert_eq!(unread.begin(BTreeSet::new(), due), these(&["a", "c"]));
}
