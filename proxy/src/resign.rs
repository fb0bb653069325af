//! Whether a request that AWS refused for its signature is worth a second one: AWS's clock shows another time than ours, or
//! the token has expired. Such a request has not run. Pure.
//!
//! A function may forge an error of AWS, but neither a date (AWS renames a function's own `Date`) nor a new token: so it
//! can't have itself run twice.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::classify::{Renewal, renewal};
use crate::clock_offset::ClockOffset;

/// AWS accepts five minutes; a refusal within four has another reason. Source: the AWS SDKs' own threshold.
const TOLERANCE: Duration = Duration::from_secs(4 * 60);

/// What must change before the request is signed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resign {
    /// What is taken for AWS's clock.
    Clock(ClockOffset),
    /// The credentials.
    Token,
}

/// When the refused request was signed, and by which clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Our clock's time when it was sent.
    pub(crate) sent: SystemTime,
    /// Our clock's time when the answer came.
    pub(crate) received: SystemTime,
    /// What was taken for AWS's clock.
    pub(crate) offset: ClockOffset,
}

/// What to change. `start`: of the answer's body.
pub(crate) fn resign(error_type: &str, start: &[u8], headers: &HeaderMap, attempt: Attempt) -> Option<Resign> {
    match renewal(error_type, start)? {
        Renewal::Credentials => Some(Resign::Token),
        Renewal::Clock => {
            let learned = ClockOffset::learn(headers, attempt.sent, attempt.received)?;
            let (was, is) = (attempt.offset.apply(attempt.sent), learned.apply(attempt.sent));
            let difference = is.duration_since(was).unwrap_or_else(|earlier| earlier.duration());
            (difference > TOLERANCE).then_some(Resign::Clock(learned))
        }
    }
}

#[cfg(test)]
mod tests;
