//! A key set over time.

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_fetched_set_rests_an_interval_with_jitter() {
    let now = Instant::now();
    let mut refresh = Refresh::new(now);
    assert_eq!(refresh.due(), now);
    for (chance, expected) in [(0.0, HOUR.mul_f64(0.8)), (0.5, HOUR), (1.0, HOUR.mul_f64(1.2))] {
        refresh.fetched(now, HOUR, None, chance);
        assert_eq!(refresh.due(), now + expected);
    }
}

#[test]
fn the_issuers_max_age_shortens_the_interval_within_bounds() {
    let now = Instant::now();
    let after = |interval, age| {
        let mut refresh = Refresh::new(now);
        refresh.fetched(now, interval, Some(age), 0.5);
        refresh.due() - now
    };
    assert_eq!(after(HOUR, 10 * MINUTE), 10 * MINUTE);
    assert_eq!(after(HOUR, Duration::ZERO), 5 * MINUTE);
    assert_eq!(after(HOUR, 24 * HOUR), HOUR);
    assert_eq!(after(MINUTE, Duration::ZERO), MINUTE, "the operator's interval may be shorter than the bound");
}

#[test]
fn failures_are_tried_again_with_growing_pauses_sooner_where_there_are_no_keys() {
    let now = Instant::now();
    let mut refresh = Refresh::new(now);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        refresh.failed(now, true, 1.0);
        pauses.push((refresh.due() - now).as_secs());
    }
    assert_eq!(pauses[..4], [1, 2, 4, 8]);
    assert_eq!(pauses[11], 300);
    refresh.failed(now, false, 1.0);
    assert_eq!((refresh.due() - now).as_secs(), 30);
    assert_eq!(refresh.failures(), 13);
    refresh.fetched(now, HOUR, None, 0.5);
    assert_eq!(refresh.failures(), 0);
}

#[test]
fn unknown_keys_ask_for_one_fetch_a_minute_and_none_is_forgotten() {
    let begun = Instant::now();
    let mut refresh = Refresh::new(begun);
    refresh.fetched(begun, HOUR, None, 0.5);
    let first = begun + MINUTE / 2;
    refresh.unknown_key(first);
    assert_eq!(refresh.due(), first, "the first is at once");
    refresh.unknown_key(first);
    refresh.fetched(first, HOUR, None, 0.5);
    let soon = first + MINUTE / 3;
    refresh.unknown_key(soon);
    refresh.unknown_key(soon + MINUTE / 3);
    assert_eq!(refresh.due(), first + MINUTE, "the next is a minute later, though nobody asks then");
    refresh.fetched(first + MINUTE, HOUR, None, 0.5);
    let later = first + 5 * MINUTE;
    refresh.unknown_key(later);
    assert_eq!(refresh.due(), later);
}

#[test]
fn an_unknown_key_waits_for_a_fetch_that_is_due_sooner() {
    let now = Instant::now();
    let mut refresh = Refresh::new(now);
    refresh.failed(now, true, 1.0);
    let due = refresh.due();
    refresh.unknown_key(due);
    assert_eq!(refresh.due(), due);
}

#[test]
fn cache_control_is_read_as_its_standard_says() {
    for (text, expected) in [
        ("max-age=600", Some(600)),
        ("public, Max-Age=600, must-revalidate", Some(600)),
        ("max-age=\"600\"", Some(600)),
        ("max-age=600, no-cache", Some(0)),
        ("no-store", Some(0)),
        ("public", None),
        ("max-age=soon", None),
        ("s-maxage=5", None),
        ("", None),
    ] {
        assert_eq!(max_age(text), expected.map(Duration::from_secs), "{text}");
    }
}
