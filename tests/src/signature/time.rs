//! `x-amz-date`: ISO 8601 basic format in UTC, `YYYYMMDDTHHMMSSZ`.

use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// `None` if it isn't such a date.
pub fn parse_amz_date(text: &str) -> Option<SystemTime> {
    let civil = DateTime::strptime(FORMAT, text).ok()?;
    let seconds = civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// The date as AWS's headers carry it.
pub fn write_amz_date(moment: SystemTime) -> String {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = i64::try_from(since).unwrap_or(i64::MAX);
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
    timestamp.strftime(FORMAT).to_string()
}
