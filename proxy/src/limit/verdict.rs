//! What the limits' word means for the answer: a refusal with its cause and `Retry-After`, and the headers that every answer of
//! a limited route has. Pure.

use http::{HeaderMap, HeaderValue};
use lambdaroute_proxy_config::cause::Cause;

use crate::limit::admission::{Admission, Permit, RouteLimits, Told};
use crate::limit::told::{RATELIMIT, RATELIMIT_POLICY};
use crate::problem::Refused;

impl Admission {
    /// The permit or the refusal, and what the caller is told.
    pub(crate) fn verdict(self) -> (Result<Option<Permit>, Refused>, Told) {
        match self {
            Admission::Admitted(permit, told) => (Ok(permit), told),
            Admission::RateLimited(name, seconds, told) => {
                let detail = format!("the rate limit {name} is used up; a request passes again in {seconds} s");
                let mut refused = Refused::new(Cause::RateLimited, detail);
                refused.retry_after = Some(HeaderValue::from(seconds));
                (Err(refused), told)
            }
            Admission::ConcurrencyLimited(told) => {
                let detail = "as many requests are in flight as the route allows";
                (Err(Refused::new(Cause::ConcurrencyLimited, detail)), told)
            }
        }
    }
}

impl RouteLimits {
    /// Sets the headers of an answer. What the function says of limits in the same headers isn't theirs: it is replaced.
    pub(crate) fn tell(&self, headers: &mut HeaderMap, told: Told) {
        let Some(policy) = self.policy() else { return };
        headers.insert(RATELIMIT_POLICY, policy.clone());
        match told {
            Some(told) => headers.insert(RATELIMIT, told),
            None => headers.remove(RATELIMIT),
        };
    }
}

#[cfg(test)]
mod tests;
