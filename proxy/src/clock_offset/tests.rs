//! The offset is learned from what AWS says of its clock, and from nothing that isn't it.

use std::time::UNIX_EPOCH;

use super::*;

/// 2026-11-21T09:30:00Z
const DATE_TEXT: &str = "Sat, 21 Nov 2026 09:30:00 GMT";
const SECOND: u64 = 1_795_253_400;

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn the_offset_is_from_the_middle_of_sending_and_receiving() {
    let answer = headers(&[("date", DATE_TEXT)]);
    for (sent, received, ours, theirs) in [
        // Our clock is 600 s behind.
        (SECOND - 602, SECOND - 598, SECOND - 600, SECOND),
        // 600 s ahead.
        (SECOND + 598, SECOND + 602, SECOND + 600, SECOND),
        (SECOND, SECOND, SECOND, SECOND),
        // The answer took long: half of it counts.
        (SECOND - 100, SECOND, SECOND, SECOND + 50),
    ] {
        let offset = ClockOffset::learn(&answer, at(sent), at(received)).unwrap();
        assert_eq!(offset.apply(at(ours)), at(theirs), "sent {sent}, received {received}");
    }
}

#[test]
fn no_offset_is_learned_from_an_answer_of_a_cache_or_without_one_readable_date() {
    for lines in [
        &[][..],
        &[("date", DATE_TEXT), ("age", "0")],
        &[("date", DATE_TEXT), ("date", DATE_TEXT)],
        &[("date", "yesterday")],
        &[("date", "2026-11-21T09:30:00Z")],
        &[("date", "Sat, 21 Nov 2026 09:30:00 +0100")],
        &[("date", "Sat, 99 Nov 2026 09:30:00 GMT")],
    ] {
        assert_eq!(ClockOffset::learn(&headers(lines), at(SECOND), at(SECOND)), None, "{lines:?}");
    }
}

#[test]
fn no_offset_is_learned_while_our_own_clock_jumps_back() {
    assert_eq!(ClockOffset::learn(&headers(&[("date", DATE_TEXT)]), at(SECOND), at(SECOND - 1)), None);
}

#[test]
fn without_an_offset_the_time_is_ours() {
    assert_eq!(ClockOffset::default().apply(at(SECOND)), at(SECOND));
}

#[test]
fn an_offset_is_one_number_and_back() {
    for milliseconds in [0, 1500, -600_000] {
        assert_eq!(ClockOffset::from_milliseconds(milliseconds).milliseconds(), milliseconds);
    }
    assert_eq!(ClockOffset::from_milliseconds(-2000).apply(at(SECOND)), at(SECOND - 2));
}
