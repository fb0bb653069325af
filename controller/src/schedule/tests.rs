//! Looks over hours.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

struct Clock(Instant);

impl Clock {
    fn at(&self, second: u64) -> Instant {
        self.0 + Duration::from_secs(second)
    }
}

fn clock() -> Clock {
    Clock(Instant::now())
}

#[test]
fn nothing_rests_before_the_first_look() {
    let clock = clock();
    assert!(!Schedule::default().rests(clock.at(0)));
    let mut schedule = Schedule::default();
    schedule.ask(clock.at(0));
    assert!(!schedule.rests(clock.at(0)));
}

#[test]
fn a_steady_target_is_looked_at_once_a_period_and_never_twice_within_four_fifths_of_it() {
    let clock = clock();
    for (chance, next) in [(0.0, 2880), (0.5, 3600), (1.0, 4320)] {
        let mut schedule = Schedule::default();
        schedule.looked(clock.at(0), at(0), HOUR, chance);
        assert_eq!(schedule.due(), Some(clock.at(next)));
        assert!(schedule.rests(clock.at(next - 1)) && !schedule.rests(clock.at(next)));
        schedule.looked(clock.at(next), at(i64::try_from(next).unwrap()), HOUR, chance);
        assert_eq!(schedule.due(), Some(clock.at(2 * next)));
    }
}

#[test]
fn a_look_in_between_neither_moves_the_period_nor_what_status_says() {
    let clock = clock();
    let mut schedule = Schedule::default();
    schedule.looked(clock.at(0), at(0), HOUR, 0.5);
    schedule.ask(clock.at(100));
    assert!(!schedule.rests(clock.at(100)));
    schedule.begin(clock.at(100));
    schedule.looked(clock.at(101), at(101), HOUR, 0.5);
    assert_eq!((schedule.synced(), schedule.due()), (Some(at(0)), Some(clock.at(3600))));
}

#[test]
fn a_report_leads_to_a_look_at_once_and_many_to_one_a_minute() {
    let clock = clock();
    let mut schedule = Schedule::default();
    schedule.looked(clock.at(0), at(0), HOUR, 0.5);
    assert_eq!(schedule.report(clock.at(10)), clock.at(10));
    assert_eq!(schedule.report(clock.at(10)), clock.at(10));
    schedule.begin(clock.at(10));
    let looks: Vec<Instant> = (11..70).map(|second| schedule.report(clock.at(second))).collect();
    assert!(looks.iter().all(|look| *look == clock.at(70)), "each minute has one look");
    assert!(schedule.rests(clock.at(69)) && !schedule.rests(clock.at(70)));
    schedule.begin(clock.at(70));
    assert_eq!(schedule.report(clock.at(1000)), clock.at(1000), "after a quiet while it is at once again");
}

#[test]
fn what_comes_while_a_look_is_under_way_is_not_answered_by_it() {
    let clock = clock();
    let mut schedule = Schedule::default();
    schedule.begin(clock.at(0));
    schedule.ask(clock.at(1));
    schedule.looked(clock.at(2), at(2), HOUR, 0.5);
    assert!(!schedule.rests(clock.at(2)));
}

#[test]
fn another_process_goes_on_where_the_first_one_was() {
    let clock = clock();
    let mut schedule = Schedule::default();
    schedule.resume(at(0), at(3000), clock.at(0), HOUR, 0.5);
    assert_eq!(schedule.due(), Some(clock.at(600)));
    assert_eq!(schedule.synced(), Some(at(0)));
    schedule.resume(at(0), at(9000), clock.at(0), HOUR, 0.5);
    assert!(!schedule.rests(clock.at(0)), "the period is over");
    schedule.resume(at(500), at(0), clock.at(0), HOUR, 0.5);
    assert_eq!(schedule.due(), Some(clock.at(3600)), "a clock that went back puts nothing off");
}

#[test]
fn a_clock_that_is_behind_leads_to_no_look_without_pause() {
    let clock = clock();
    let mut schedule = Schedule::default();
    // The former leader's clock was two hours ahead.
    schedule.resume(at(7200), at(0), clock.at(0), HOUR, 0.5);
    schedule.looked(clock.at(3600), at(3600), HOUR, 0.5);
    assert_eq!(schedule.due(), Some(clock.at(7200)), "a period after the look");
    assert_eq!(schedule.synced(), Some(at(3600)));
    // Ours is set back.
    schedule.looked(clock.at(7200), at(0), HOUR, 0.5);
    assert_eq!((schedule.synced(), schedule.due()), (Some(at(0)), Some(clock.at(10_800))));
    // It goes a little slower than time.
    schedule.looked(clock.at(10_800), at(0), HOUR, 0.0);
    schedule.looked(clock.at(10_800 + 2880), at(2879), HOUR, 0.5);
    assert!(schedule.rests(clock.at(10_800 + 2880)));
}

#[test]
fn a_want_from_before_a_change_of_leader_is_not_lost() {
    let clock = clock();
    let mut schedule = Schedule::default();
    schedule.report(clock.at(0));
    schedule.resume(at(0), at(10), clock.at(1), HOUR, 0.5);
    assert!(!schedule.rests(clock.at(1)));
}
