//! What callers are told of limits: `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10, and
//! `Retry-After` (RFC 9110 section 10.2.3) in agreement with them. Pure. Always the route's total, never a share:
//! - `q` and `w` are the limit's requests and interval;
//! - `r` is what is left of the bucket as a part of the total's burst, at most `q`; 0 exactly when the next request would be
//!   refused here;
//! - `t` is, at 0, when the next request passes, else when the bucket is full again. A full bucket has none.

use std::fmt::Write as _;

use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::limit::gcra::Standing;
use crate::limit::share::Total;

pub(crate) const RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");

const NANOS: u64 = 1_000_000_000;

/// A name as a string of RFC 8941 section 3.3.3: printable ASCII in quotes. What can't be said becomes `?`.
pub(crate) fn quoted(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => quoted.push('?'),
        }
    }
    quoted.push('"');
    quoted
}

/// The value of `RateLimit-Policy`. Names are quoted already.
pub(crate) fn policy<'a>(limits: impl Iterator<Item = (&'a str, Total)>) -> Option<HeaderValue> {
    let mut text = String::new();
    for (name, total) in limits {
        if !text.is_empty() {
            text.push_str(", ");
        }
        // Writing to a string doesn't fail.
        let _ = write!(text, "{name};q={};w={}", total.requests, seconds_of_ms(total.interval_ms));
    }
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

/// A value of `RateLimit` as it grows, without an allocation.
#[derive(Default)]
pub(crate) struct Text(SmallVec<[u8; 160]>);

impl Text {
    fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn push_number(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number));
    }

    /// None: there is nothing to tell.
    pub(crate) fn value(&self) -> Option<HeaderValue> {
        if self.0.is_empty() { None } else { HeaderValue::from_bytes(&self.0).ok() }
    }
}

/// Adds a limit. The name is quoted already.
pub(crate) fn add(text: &mut Text, name: &str, total: Total, standing: &Standing) {
    if !text.0.is_empty() {
        text.push(", ");
    }
    let remaining = remaining(total, standing);
    text.push(name);
    text.push(";r=");
    text.push_number(remaining);
    let reset = if remaining == 0 { retry_after(total, standing) } else { seconds(standing.full_in) };
    if reset > 0 {
        text.push(";t=");
        text.push_number(reset);
    }
}

/// Requests that are left, of the total.
pub(crate) fn remaining(total: Total, standing: &Standing) -> u64 {
    if standing.left == 0 {
        return 0;
    }
    let left = u128::from(standing.left) * u128::from(total.burst) / u128::from(standing.capacity);
    u64::try_from(left).unwrap_or(u64::MAX).clamp(1, total.requests.max(1))
}

/// Seconds until a request passes, at least 1. Where this proxy lets none through: as long as one of the total takes.
pub(crate) fn retry_after(total: Total, standing: &Standing) -> u64 {
    let seconds = match standing.next_in {
        Some(nanoseconds) => seconds(nanoseconds),
        None => seconds_of_ms(total.interval_ms.div_ceil(total.requests.max(1))),
    };
    seconds.max(1)
}

fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(NANOS)
}

fn seconds_of_ms(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(1000)
}

#[cfg(test)]
mod tests;
