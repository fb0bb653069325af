//! AWS's budget for the control plane, of one account and Region: kept when a test asks for it. Calls of the harness's own
//! administrator aren't counted.
//! Source: Lambda quotas: 15 GetPolicy, 100 GetFunction and 15 of all others together a second, none of them raisable.

use std::sync::PoisonError;
use std::time::Instant;

use bytes::Bytes;
use http::Response;

use super::LambdaRules;
use crate::gate::answer::Answer;
use crate::gate::call::Seen;
use crate::gate::operation::Operation;

const GET_POLICY: f64 = 15.0;
const GET_FUNCTION: f64 = 100.0;
const OTHERS: f64 = 15.0;

/// The three buckets.
#[derive(Debug)]
pub(super) struct Rates {
    buckets: [Bucket; 3],
    refused: usize,
}

impl Rates {
    fn new(now: Instant) -> Self {
        Self {
            buckets: [GET_POLICY, GET_FUNCTION, OTHERS].map(|rate| Bucket { rate, level: rate, at: now }),
            refused: 0,
        }
    }

    /// Whether a call may pass. `None` of the buckets is for what has a budget of its own (calls, STS).
    fn take(&mut self, operation: Operation, now: Instant) -> bool {
        let bucket = match operation {
            Operation::GetPolicy => 0,
            Operation::GetFunction => 1,
            Operation::CallFunctionUrl | Operation::Invoke | Operation::Sts => return true,
            _ => 2,
        };
        let passes = self.buckets[bucket].take(now);
        self.refused += usize::from(!passes);
        passes
    }
}

#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let refilled = self.level + now.saturating_duration_since(self.at).as_secs_f64() * self.rate;
        (self.level, self.at) = (refilled.min(self.rate), now);
        let passes = self.level >= 1.0;
        if passes {
            self.level -= 1.0;
        }
        passes
    }
}

impl LambdaRules {
    /// From now on keeps AWS's rates: 429 above them.
    pub fn keep_rates(&self) {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner) = Some(Rates::new(Instant::now()));
    }

    /// How many calls were over the rates so far.
    pub fn over_rates(&self) -> usize {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |rates| rates.refused)
    }

    pub(super) fn over_budget(&self, seen: &Seen) -> Option<Response<Bytes>> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let rates = rates.as_mut()?;
        let administrator = format!("Credential={}/", self.administrator);
        if seen.header("authorization").is_some_and(|signature| signature.contains(&administrator)) {
            return None;
        }
        (!rates.take(seen.operation, Instant::now())).then(|| Answer::throttled().response())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_budget_is_its_own_and_refills_by_the_second() {
        let begin = Instant::now();
        let mut rates = Rates::new(begin);
        let passed = |rates: &mut Rates, operation, at| (0..200).filter(|_| rates.take(operation, at)).count();
        assert_eq!(passed(&mut rates, Operation::GetPolicy, begin), 15);
        assert_eq!(passed(&mut rates, Operation::GetFunction, begin), 100);
        assert_eq!(passed(&mut rates, Operation::AddPermission, begin), 15);
        assert_eq!(passed(&mut rates, Operation::GetFunctionUrlConfig, begin), 0, "all others share one");
        assert_eq!(passed(&mut rates, Operation::CallFunctionUrl, begin), 200);
        let later = begin + Duration::from_millis(400);
        assert_eq!(passed(&mut rates, Operation::RemovePermission, later), 6);
        assert_eq!(rates.refused, 185 + 100 + 185 + 200 + 194);
    }
}
