//! Durations as Gateway API writes them.

use std::time::Duration;

use super::parse;

#[test]
fn durations_are_read_as_gateway_api_writes_them() {
    for (text, millis) in [("1s", 1_000), ("1m30s", 90_000), ("15m5s", 905_000), ("500ms", 500), ("1h", 3_600_000)] {
        assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn what_is_none_is_none() {
    for text in ["", "1", "s", "1d", "1.5s", "-1s", "1 s", "100000s", "1s1s1s1s1s", "1h2", "ms"] {
        assert_eq!(parse(text), None, "{text}");
    }
}
