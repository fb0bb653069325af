//! Turns.

use super::*;

fn turns(lanes: &mut Lanes<u32>, count: usize) -> Vec<Priority> {
    (0..count).filter_map(|_| lanes.pop()).map(|(priority, _)| priority).collect()
}

#[test]
fn a_change_goes_before_deletions_and_drift_checks_that_came_earlier() {
    let mut lanes = Lanes::default();
    lanes.push(Priority::Drift, 1);
    lanes.push(Priority::Deletion, 2);
    lanes.push(Priority::Change, 3);
    assert_eq!(lanes.len(), 3);
    assert_eq!(turns(&mut lanes, 4), [Priority::Change, Priority::Deletion, Priority::Drift]);
    assert!(lanes.is_empty());
}

#[test]
fn the_first_to_come_is_the_first_of_its_priority() {
    let mut lanes = Lanes::default();
    for item in 0..3 {
        lanes.push(Priority::Drift, item);
    }
    let order: Vec<u32> = std::iter::from_fn(|| lanes.pop()).map(|(_, item)| item).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn deletions_get_a_third_of_the_turns_however_many_changes_wait() {
    let mut lanes = Lanes::default();
    for item in 0..300 {
        lanes.push(Priority::Change, item);
        lanes.push(Priority::Deletion, item);
    }
    let deletions = turns(&mut lanes, 300).into_iter().filter(|turn| *turn == Priority::Deletion).count();
    assert_eq!(deletions, 100);
}

#[test]
fn drift_checks_get_a_twentieth_of_the_turns_and_never_none() {
    let mut lanes = Lanes::default();
    for item in 0..1000 {
        lanes.push(Priority::Change, item);
        lanes.push(Priority::Deletion, item);
        lanes.push(Priority::Drift, item);
    }
    let turns = turns(&mut lanes, 1000);
    let of = |priority| turns.iter().filter(|turn| **turn == priority).count();
    assert_eq!(of(Priority::Drift), 50);
    assert!((310..=340).contains(&of(Priority::Deletion)), "{}", of(Priority::Deletion));
}

#[test]
fn who_begins_to_wait_now_has_not_waited_before() {
    let mut lanes = Lanes::default();
    for item in 0..100 {
        lanes.push(Priority::Change, item);
    }
    turns(&mut lanes, 90);
    lanes.push(Priority::Drift, 0);
    assert_eq!(turns(&mut lanes, 10), [Priority::Change; 10]);
}

#[test]
fn those_that_left_get_no_turn() {
    let mut lanes = Lanes::default();
    lanes.push(Priority::Change, 1);
    lanes.push(Priority::Change, 2);
    lanes.retain(|item| *item != 1);
    assert_eq!(lanes.pop(), Some((Priority::Change, 2)));
}
