//! What a test makes the gate do to the calls that match. A rule ends with its handle; a test that fails or panics
//! therefore never leaves the gate shut for others.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use http::Response;
use rand::Rng;
use rand::rngs::StdRng;

use super::EXPECTED_WITHIN;
use super::answer::Answer;
use super::barrier::Barrier;
use super::call::Seen;
use super::matching::Match;

mod builder;

pub use builder::RuleBuilder;

type Hook = Arc<dyn Fn(Arc<Seen>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
type Rewrite = Arc<dyn Fn(Response<Bytes>) -> Response<Bytes> + Send + Sync>;

#[derive(Clone)]
enum Action {
    Pass,
    HoldBefore(Arc<Barrier>),
    HoldAfter(Arc<Barrier>),
    Before(Hook),
    After(Hook),
    Answer(Answer),
    DropBefore,
    DropAfter,
    Cut,
    Rewrite(Rewrite),
}

impl Action {
    fn says(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::HoldBefore(_) => "hold before",
            Self::HoldAfter(_) => "hold after",
            Self::Before(_) => "act before",
            Self::After(_) => "act after",
            Self::Answer(_) => "answer",
            Self::DropBefore => "drop before",
            Self::DropAfter => "drop after",
            Self::Cut => "cut",
            Self::Rewrite(_) => "rewrite",
        }
    }
}

/// A share of the calls, by a seeded generator: the same seed and the same order of calls give the same choice.
struct Share {
    of: f64,
    generator: Mutex<StdRng>,
}

impl Share {
    fn takes(&self) -> bool {
        self.generator.lock().unwrap_or_else(PoisonError::into_inner).random_bool(self.of)
    }
}

struct State {
    matching: Match,
    share: Option<Share>,
    skip: AtomicUsize,
    left: AtomicUsize,
    count: AtomicUsize,
    action: Action,
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}", self.action.says(), self.matching)
    }
}

impl State {
    /// Takes one of the times that the rule still has.
    fn take(&self) -> bool {
        if self.skip.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |skip| skip.checked_sub(1)).is_ok() {
            return false;
        }
        if self.share.as_ref().is_some_and(|share| !share.takes()) {
            return false;
        }
        let taken = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if taken {
            self.count.fetch_add(1, Ordering::SeqCst);
        }
        taken
    }
}

/// The rules in force.
#[derive(Debug, Default)]
pub(super) struct Rules(Mutex<Vec<Arc<State>>>);

/// What the rules want with one call, decided when it arrives.
#[derive(Default)]
pub(super) struct Verdict(Vec<Action>);

/// What happens to the call before it would go through.
pub(super) enum Way {
    Through,
    Answered(Response<Bytes>),
    Lost,
}

impl Rules {
    pub(super) fn verdict(&self, seen: &Seen) -> Verdict {
        let rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Verdict(
            rules
                .iter()
                .filter(|rule| rule.matching.matches(seen) && rule.take())
                .map(|rule| rule.action.clone())
                .collect(),
        )
    }
}

impl Verdict {
    pub(super) async fn before(&self, seen: &Arc<Seen>) -> Way {
        for action in &self.0 {
            match action {
                Action::HoldBefore(barrier) => barrier.wait(seen).await,
                Action::Before(hook) => hook(Arc::clone(seen)).await,
                Action::Answer(answer) => return Way::Answered(answer.response()),
                Action::DropBefore => return Way::Lost,
                _ => {}
            }
        }
        Way::Through
    }

    /// After the server has answered. False: the answer is lost.
    pub(super) async fn after(&self, seen: &Arc<Seen>) -> bool {
        let mut delivered = true;
        for action in &self.0 {
            match action {
                Action::HoldAfter(barrier) => barrier.wait(seen).await,
                Action::After(hook) => hook(Arc::clone(seen)).await,
                Action::DropAfter => delivered = false,
                _ => {}
            }
        }
        delivered
    }

    /// Whether the answer is to break off.
    pub(super) fn cuts(&self) -> bool {
        self.0.iter().any(|action| matches!(action, Action::Cut))
    }

    pub(super) fn rewrites(&self) -> bool {
        self.0.iter().any(|action| matches!(action, Action::Rewrite(_)))
    }

    pub(super) fn rewrite(&self, response: Response<Bytes>) -> Response<Bytes> {
        self.0.iter().fold(response, |response, action| match action {
            Action::Rewrite(rewrite) => rewrite(response),
            _ => response,
        })
    }
}

/// A rule in force. It ends when this goes.
#[derive(Debug)]
#[must_use = "a rule ends with its handle"]
pub struct Rule {
    rules: Arc<Rules>,
    state: Arc<State>,
}

impl Rule {
    /// How many calls it took.
    pub fn count(&self) -> usize {
        self.state.count.load(Ordering::SeqCst)
    }
}

impl Drop for Rule {
    fn drop(&mut self) {
        let mut rules = self.rules.0.lock().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|rule| !Arc::ptr_eq(rule, &self.state));
    }
}

/// Held calls. Dropping it lets them go.
#[derive(Debug)]
#[must_use = "dropping it lets the calls go"]
pub struct Held {
    rule: Rule,
    barrier: Arc<Barrier>,
}

impl Held {
    /// Waits until a call is held, and shows it.
    pub async fn arrived(&self) -> anyhow::Result<Arc<Seen>> {
        self.arrived_times(1).await?.pop().context("nothing is held")
    }

    /// Waits until so many calls are held.
    pub async fn arrived_times(&self, count: usize) -> anyhow::Result<Vec<Arc<Seen>>> {
        let mut arrived = self.barrier.arrived.subscribe();
        let arrived = tokio::time::timeout(EXPECTED_WITHIN, arrived.wait_for(|arrived| arrived.len() >= count))
            .await
            .with_context(|| format!("the call that was to be held never came: {:?}", self.rule.state.matching))??;
        Ok(arrived.clone())
    }

    /// Whether nothing came yet.
    pub fn is_empty(&self) -> bool {
        self.barrier.arrived.borrow().is_empty()
    }

    /// Lets the held calls go, and those that still come.
    pub fn release(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.barrier.released.send_replace(true);
    }
}
