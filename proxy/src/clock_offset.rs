//! How far AWS's clock is from ours, learned from an answer that refused a signature for its time. Pure: it says what the
//! offset is, the request path says when to sign again. AWS takes signatures that are up to five minutes off
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).

use std::time::{Duration, SystemTime};

use http::header::{AGE, DATE};
use http::{HeaderMap, HeaderValue};

/// What to add to our clock to have AWS's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClockOffset {
    ahead: bool,
    by: Duration,
}

impl ClockOffset {
    /// From an answer's `Date`, and when its request was sent and its head received by our clock: AWS read its own clock
    /// somewhere between the two. `None`: no `Date` to go by, or one that a cache kept (`Age`).
    pub(crate) fn learn(headers: &HeaderMap, sent: SystemTime, received: SystemTime) -> Option<Self> {
        let date = date(headers)?;
        // A clock that was set back in between says nothing of the middle.
        let middle = sent.checked_add(received.duration_since(sent).ok()? / 2)?;
        Some(match date.duration_since(middle) {
            Ok(by) => ClockOffset { ahead: true, by },
            Err(behind) => ClockOffset { ahead: false, by: behind.duration() },
        })
    }

    /// As one number, to the millisecond. Positive: AWS's clock is ahead.
    pub(crate) fn milliseconds(self) -> i64 {
        let by = i64::try_from(self.by.as_millis()).unwrap_or(i64::MAX);
        if self.ahead { by } else { -by }
    }

    /// From that number.
    pub(crate) fn from_milliseconds(milliseconds: i64) -> Self {
        ClockOffset { ahead: milliseconds >= 0, by: Duration::from_millis(milliseconds.unsigned_abs()) }
    }

    /// AWS's time, when it is `ours` by our clock.
    pub(crate) fn apply(self, ours: SystemTime) -> SystemTime {
        let theirs = if self.ahead { ours.checked_add(self.by) } else { ours.checked_sub(self.by) };
        theirs.unwrap_or(ours)
    }
}

/// AWS's time in an answer. A function can't set it: AWS renames a function's own `Date`.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let mut dates = headers.get_all(DATE).iter();
    let date = time(dates.next()?)?;
    (dates.next().is_none() && !headers.contains_key(AGE)).then_some(date)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
fn time(date: &HeaderValue) -> Option<SystemTime> {
    let date = date.to_str().ok().filter(|date| date.ends_with(" GMT"))?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests;
