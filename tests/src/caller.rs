//! What the ordinary client of the cluster suite (`bin/caller.rs`) reports. Shared with the suite, which judges it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// At most this many failures are told in full; the count goes on.
const TOLD: usize = 20;

/// The state of a run, one JSON object a line: each second, and a last one with `done`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Report {
    /// No line follows.
    pub done: bool,
    /// Answers with 200 and the expected text.
    pub right: u64,
    /// All else: other answers, none, none in time.
    pub wrong: u64,
    /// Kept connections that the server had closed, as HTTP lets it, before it answered; the request went over a new one.
    pub reconnected: u64,
    /// Targets that have answered rightly at least once.
    pub targets_seen: usize,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// The longest a right answer took, in milliseconds.
    pub slowest_ms: u64,
    /// The first wrong ones.
    pub failures: Vec<Failure>,
}

/// One request that got no right answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Failure {
    /// Seconds since the start of the run.
    pub at: f64,
    /// The request's URL.
    pub url: String,
    /// What came instead.
    pub what: String,
}

impl Report {
    /// Notes a wrong answer.
    pub fn fail(&mut self, failure: Failure) {
        self.wrong += 1;
        if self.failures.len() < TOLD {
            self.failures.push(failure);
        }
    }
}
