//! A second signature is made where it can be right, and nowhere else.

use http::HeaderValue;

use super::*;

/// 2026-11-27T12:00:00Z
const NOON: Duration = Duration::from_secs(1_795_780_800);
const EXPIRED: &[u8] = br#"{"message":"Signature expired: it is later"}"#;

fn judged(error_type: &str, start: &[u8], date: &'static str, offset_ms: i64) -> Option<Resign> {
    judged_after(Duration::from_secs(2), error_type, start, date, offset_ms)
}

/// By credentials that end at one o'clock.
fn judged_after(took: Duration, error_type: &str, start: &[u8], date: &'static str, offset_ms: i64) -> Option<Resign> {
    let sent = SystemTime::UNIX_EPOCH + NOON;
    let offset = ClockOffset::from_milliseconds(offset_ms);
    let headers = [(http::header::DATE, HeaderValue::from_static(date))].into_iter().collect();
    let expires = Some(sent + Duration::from_secs(3600));
    resign(error_type, start, &headers, Attempt { sent, received: sent + took, offset, expires, bodiless: false })
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
fn a_token_that_has_expired_by_the_clock_of_aws_is_replaced() {
    let (over, before) = ("Fri, 27 Nov 2026 13:00:00 GMT", "Fri, 27 Nov 2026 12:59:00 GMT");
    assert_eq!(judged("ExpiredTokenException", b"", over, 0), Some(Resign::Token));
    assert_eq!(judged("AccessDeniedException", b"", over, 0), None);
    assert_eq!(judged("ExpiredTokenException", b"", before, 0), None, "a function says so");
    assert_eq!(judged("ExpiredTokenException", b"", "yesterday", 0), None);
}

#[test]
fn a_token_without_an_end_is_not_replaced_on_a_functions_word() {
    let sent = SystemTime::UNIX_EPOCH + NOON;
    let date = HeaderValue::from_static("Fri, 27 Nov 2026 13:00:00 GMT");
    let headers = [(http::header::DATE, date)].into_iter().collect();
    let attempt = Attempt { sent, received: sent, offset: ClockOffset::default(), expires: None, bodiless: false };
    assert_eq!(resign("ExpiredTokenException", b"", &headers, attempt), None);
}

#[test]
fn a_function_that_ran_for_long_does_not_run_again() {
    // AWS's date is that of the end: far from the middle.
    let (took, date) = (Duration::from_secs(600), "Fri, 27 Nov 2026 12:10:00 GMT");
    assert_eq!(judged_after(took, "RequestExpired", b"", date, 0), None);
    let date = "Fri, 27 Nov 2026 13:00:00 GMT";
    assert_eq!(judged_after(took, "ExpiredTokenException", b"", date, 0), None);
}

#[test]
fn a_refused_head_request_is_signed_again_by_date_and_type_alone() {
    let sent = SystemTime::UNIX_EPOCH + NOON;
    let judged = |error_type, date| {
        let headers = [(http::header::DATE, HeaderValue::from_static(date))].into_iter().collect();
        let expires = Some(sent + Duration::from_secs(3600));
        let offset = ClockOffset::default();
        resign(error_type, b"", &headers, Attempt { sent, received: sent, offset, expires, bodiless: true })
    };
    let (now, later) = ("Fri, 27 Nov 2026 12:00:00 GMT", "Fri, 27 Nov 2026 13:00:00 GMT");
    assert_eq!(judged("InvalidSignatureException", later), clock(3_600_000));
    assert_eq!(judged("InvalidSignatureException", now), None, "it has another reason");
    assert_eq!(judged("UnrecognizedClientException", later), Some(Resign::Token));
    assert_eq!(judged("UnrecognizedClientException", now), None);
}
