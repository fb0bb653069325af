//! A rule in the making.

use std::future::Future;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Action, Held, Rule, Rules, Share, State};
use crate::gate::answer::Answer;
use crate::gate::barrier::Barrier;
use crate::gate::call::Seen;
use crate::gate::matching::Match;

/// A rule in the making: how often, then what.
#[must_use]
pub struct RuleBuilder {
    rules: Arc<Rules>,
    matching: Match,
    share: Option<Share>,
    skip: usize,
    times: Option<usize>,
}

impl RuleBuilder {
    pub(in crate::gate) fn new(rules: Arc<Rules>, matching: Match) -> Self {
        Self { rules, matching, share: None, skip: 0, times: None }
    }

    /// Only the first so many. Without it: holding takes the first call, everything else all.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }

    /// Only the first.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// None of the first so many.
    pub fn skip(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// Only a share of them (0 to 1), chosen by chance from this seed.
    pub fn share(mut self, of: f64, seed: u64) -> Self {
        self.share = Some(Share { of, generator: Mutex::new(StdRng::seed_from_u64(seed)) });
        self
    }

    /// Holds a call before it goes through.
    pub fn hold_before(self) -> Held {
        let barrier = Barrier::new();
        Held { rule: self.begin(Action::HoldBefore(Arc::clone(&barrier)), 1), barrier }
    }

    /// Lets a call through and holds its answer.
    pub fn hold_after(self) -> Held {
        let barrier = Barrier::new();
        Held { rule: self.begin(Action::HoldAfter(Arc::clone(&barrier)), 1), barrier }
    }

    /// Runs something of the test's own before a call goes through.
    pub fn before<F>(self, hook: impl Fn(Arc<Seen>) -> F + Send + Sync + 'static) -> Rule
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.begin(Action::Before(Arc::new(move |seen| Box::pin(hook(seen)))), usize::MAX)
    }

    /// Runs something of the test's own after a call went through and before its answer is delivered.
    pub fn after<F>(self, hook: impl Fn(Arc<Seen>) -> F + Send + Sync + 'static) -> Rule
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.begin(Action::After(Arc::new(move |seen| Box::pin(hook(seen)))), usize::MAX)
    }

    /// Answers in the server's stead: the call does not go through.
    pub fn answer(self, answer: Answer) -> Rule {
        self.begin(Action::Answer(answer), usize::MAX)
    }

    /// Closes the connection without letting the call through.
    pub fn drop_before(self) -> Rule {
        self.begin(Action::DropBefore, usize::MAX)
    }

    /// Lets the call through, then closes the connection: the answer is lost.
    pub fn drop_after(self) -> Rule {
        self.begin(Action::DropAfter, usize::MAX)
    }

    /// Lets the call through and delivers half of its answer: the connection is cut in the middle.
    pub fn cut(self) -> Rule {
        self.begin(Action::Cut, usize::MAX)
    }

    /// Lets a call through only after this time.
    pub fn delay(self, by: Duration) -> Rule {
        self.before(move |_| tokio::time::sleep(by))
    }

    /// Changes the answer.
    pub fn rewrite(self, rewrite: impl Fn(Response<Bytes>) -> Response<Bytes> + Send + Sync + 'static) -> Rule {
        self.begin(Action::Rewrite(Arc::new(rewrite)), usize::MAX)
    }

    /// Only counts, from now on.
    pub fn counted(self) -> Rule {
        self.begin(Action::Pass, usize::MAX)
    }

    fn begin(self, action: Action, times: usize) -> Rule {
        let left = AtomicUsize::new(self.times.unwrap_or(times));
        let (matching, share, skip) = (self.matching, self.share, AtomicUsize::new(self.skip));
        let state = Arc::new(State { matching, share, skip, left, count: AtomicUsize::new(0), action });
        self.rules.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&state));
        Rule { rules: self.rules, state }
    }
}
