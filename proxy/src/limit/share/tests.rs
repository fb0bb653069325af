//! Shares and totals.

use super::*;

const TOTAL: Total = Total { requests: 100, interval_ms: 1000, burst: 200 };

#[test]
fn without_a_share_the_total_holds() {
    assert_eq!(rate(TOTAL, None), Rate::new(100_000, 1000, 200_000));
    assert_eq!(in_flight(50, None), 50);
}

#[test]
fn a_share_holds_and_may_be_nothing() {
    let share = RateShare { millirequests: 33_333, burst_millirequests: 66_666 };
    assert_eq!(rate(TOTAL, Some(share)), Rate::new(33_333, 1000, 66_666));
    assert_eq!(in_flight(3, Some(1)), 1);
    assert_eq!(in_flight(3, Some(0)), 0);
}

#[test]
fn a_share_that_is_older_than_a_lowered_total_gives_no_more_than_that() {
    let share = RateShare { millirequests: 400_000, burst_millirequests: 900_000 };
    assert_eq!(rate(TOTAL, Some(share)), rate(TOTAL, None));
    assert_eq!(in_flight(3, Some(10)), 3);
}
