//! Pauses grow, with chance in them, up to a bound.

use super::*;

fn most(rounds: &[Round]) -> Vec<u128> {
    let mut back_off = BackOff::new();
    rounds.iter().map(|round| back_off.after(*round, u32::MAX).as_millis()).collect()
}

#[test]
fn unreachable_controllers_are_tried_ever_slower() {
    assert_eq!(most(&[Round::Unreachable; 8]), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
}

#[test]
fn while_there_is_no_leader_every_second_is_enough() {
    assert_eq!(most(&[Round::NotLeading; 6]), [100, 200, 400, 800, 1000, 1000]);
}

#[test]
fn after_a_stream_that_worked_the_next_comes_at_once() {
    assert_eq!(most(&[Round::Unreachable, Round::Unreachable, Round::Served, Round::Served]), [100, 200, 100, 100]);
}

#[test]
fn half_of_the_wait_is_chance() {
    assert_eq!(BackOff::new().after(Round::Served, 0).as_millis(), 50);
}
