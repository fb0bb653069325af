//! Whether a request that AWS refused for its signature is worth a second one: AWS's clock shows another time than ours, or
//! the token has expired. Such a request has not run. Pure.
//!
//! A function may forge an error of AWS, but not the date of its answer (AWS renames a function's own `Date`), nor an answer
//! before it has run. So an error for the time is believed only where that date bears it out, and where it came as soon as
//! AWS's own refusals do: a function can't have itself run twice.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::classify::{Renewal, renewal};
use crate::clock_offset::{ClockOffset, date};

/// AWS accepts five minutes; a refusal within four has another reason. Source: the AWS SDKs' own threshold.
const TOLERANCE: Duration = Duration::from_secs(4 * 60);

/// AWS refuses a signature before anything runs, in milliseconds. What comes later is a function's, and the middle between
/// sending and receiving says too little of AWS's clock.
const PROMPT: Duration = Duration::from_secs(30);
/// A token may be refused this long before its end by AWS's `Date`: that has whole seconds, and AWS more than one clock.
const SLACK: Duration = Duration::from_secs(5);

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
    /// When the credentials end that it was signed with, if that is known.
    pub(crate) expires: Option<SystemTime>,
    /// Its answer has no body: it was HEAD.
    pub(crate) bodiless: bool,
}

/// What to change. `start`: of the answer's body.
pub(crate) fn resign(error_type: &str, start: &[u8], headers: &HeaderMap, attempt: Attempt) -> Option<Resign> {
    if attempt.received.duration_since(attempt.sent).is_ok_and(|took| took > PROMPT) {
        return None;
    }
    match renewal(error_type, start, attempt.bodiless)? {
        Renewal::Credentials => {
            let is_over = date(headers)?.checked_add(SLACK)? >= attempt.expires?;
            is_over.then_some(Resign::Token)
        }
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
