//! Which texts are durations.

use super::*;

#[test]
fn durations_are_numbers_with_units() {
    assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
    assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
    assert_eq!(parse("30d"), Ok(Duration::from_secs(30 * 86_400)));
    for wrong in ["", "10", "s", "10 s", "-1s", "1y", "99999999999999999999d"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
