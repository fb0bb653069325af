//! A second signature is made where it can be right, and nowhere else.

use http::HeaderValue;

use super::*;

/// 2026-11-27T12:00:00Z
const NOON: Duration = Duration::from_secs(1_795_780_800);
const EXPIRED: &[u8] = br#"{"message":"Signature expired: it is later"}"#;

fn judged(error_type: &str, start: &[u8], date: &'static str, offset_ms: i64) -> Option<Resign> {
    let sent = SystemTime::UNIX_EPOCH + NOON;
    let offset = ClockOffset::from_milliseconds(offset_ms);
    let headers = [(http::header::DATE, HeaderValue::from_static(date))].into_iter().collect();
    resign(error_type, start, &headers, Attempt { sent, received: sent + Duration::from_secs(2), offset })
}

fn clock(offset_ms: i64) -> Option<Resign> {
    Some(Resign::Clock(ClockOffset::from_milliseconds(offset_ms)))
}

#[test]
fn a_clock_that_is_wrong_is_set_right() {
    let (refused, ahead) = ("InvalidSignatureException", "Fri, 27 Nov 2026 13:00:01 GMT");
    assert_eq!(judged(refused, EXPIRED, ahead, 0), clock(3_600_000));
    assert_eq!(judged(refused, EXPIRED, ahead, 3_600_000), None, "signed by that clock: it has another reason");
    assert_eq!(judged("RequestExpired", b"", "Fri, 27 Nov 2026 11:50:01 GMT", 0), clock(-600_000));
    assert_eq!(judged("RequestExpired", b"", "Fri, 27 Nov 2026 12:00:01 GMT", -600_000), clock(0));
}

#[test]
fn a_clock_that_is_right_enough_stays() {
    for date in ["Fri, 27 Nov 2026 12:04:00 GMT", "Fri, 27 Nov 2026 11:56:30 GMT", "yesterday"] {
        assert_eq!(judged("InvalidSignatureException", EXPIRED, date, 0), None, "{date}");
    }
}

#[test]
fn an_expired_token_is_replaced() {
    let date = "Fri, 27 Nov 2026 12:00:00 GMT";
    assert_eq!(judged("ExpiredTokenException", b"", date, 0), Some(Resign::Token));
    assert_eq!(judged("AccessDeniedException", b"", date, 0), None);
}
