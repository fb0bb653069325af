//! Where calls wait until AWS's limits have room for them: one limiter per account and Region, three budgets in each. It decides
//! nothing; no lock is held while anything waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::bucket::Bucket;
use super::rate::{AwsRate, Budget};
use crate::priority::{Lanes, Priority};

/// Every limiter of the process.
#[derive(Debug)]
pub(super) struct Limiters {
    rate: AwsRate,
    limiters: Mutex<HashMap<Place, Arc<Limiter>>>,
}

/// What AWS counts for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// 12 digits.
    pub(super) account_id: String,
    /// As `eu-west-1`.
    pub(super) region: String,
}

/// One budget at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Level {
    /// Whose.
    pub(super) place: Place,
    /// Which.
    pub(super) budget: Budget,
    /// Calls that wait.
    pub(super) waiting: usize,
    /// Calls that could begin now.
    pub(super) left: u32,
    /// Requests a second, as throttles left it.
    pub(super) rate: f64,
}

impl Limiters {
    /// None has been asked for yet.
    pub(super) fn new(rate: AwsRate) -> Arc<Self> {
        Arc::new(Self { rate, limiters: Mutex::default() })
    }

    /// The one limiter of an account and Region.
    pub(super) fn of(&self, place: Place) -> Arc<Limiter> {
        lock(&self.limiters).entry(place).or_insert_with(|| Arc::new(Limiter::new(self.rate))).clone()
    }

    /// Every budget that is in use.
    pub(super) fn levels(&self) -> Vec<Level> {
        let limiters: Vec<_> =
            lock(&self.limiters).iter().map(|(place, limiter)| (place.clone(), limiter.clone())).collect();
        let levels = limiters.into_iter().flat_map(|(place, limiter)| {
            Budget::ALL.map(|budget| {
                let mut turns = limiter.turns(budget);
                let now = Instant::now().into_std();
                turns.lanes.retain(|waiter| !waiter.is_closed());
                let (waiting, left, rate) = (turns.lanes.len(), turns.bucket.left(now), turns.bucket.rate(now));
                Level { place: place.clone(), budget, waiting, left, rate }
            })
        });
        levels.collect()
    }
}

/// The budgets of one account and Region.
#[derive(Debug)]
pub(super) struct Limiter {
    control_plane: Mutex<Turns>,
    get_policy: Mutex<Turns>,
    get_function: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    bucket: Bucket,
    lanes: Lanes<oneshot::Sender<()>>,
}

impl Turns {
    fn new(rate: u32) -> Mutex<Self> {
        Mutex::new(Self { bucket: Bucket::new(rate, Instant::now().into_std()), lanes: Lanes::default() })
    }

    /// Gives turns away while there are some. Answers when the next one comes.
    fn give(&mut self) -> Instant {
        let now = Instant::now();
        // Who gave up waiting takes nothing.
        self.lanes.retain(|waiter| !waiter.is_closed());
        while !self.lanes.is_empty() {
            if let Err(next) = self.bucket.take(now.into_std()) {
                return Instant::from_std(next);
            }
            if let Some((_, waiter)) = self.lanes.pop() {
                // Who gave up this very moment wastes a turn: too few calls, never too many.
                let _ = waiter.send(());
            }
        }
        now
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Limiter {
    fn new(rate: AwsRate) -> Self {
        let turns = |budget| Turns::new(rate.of(budget));
        Self {
            control_plane: turns(Budget::ControlPlane),
            get_policy: turns(Budget::GetPolicy),
            get_function: turns(Budget::GetFunction),
        }
    }

    fn turns(&self, budget: Budget) -> MutexGuard<'_, Turns> {
        lock(match budget {
            Budget::ControlPlane => &self.control_plane,
            Budget::GetPolicy => &self.get_policy,
            Budget::GetFunction => &self.get_function,
        })
    }

    /// Waits until one call may begin. Dropped, it takes no turn.
    pub(super) async fn turn(&self, budget: Budget, priority: Priority) {
        let (sender, mut turn) = oneshot::channel();
        self.turns(budget).lanes.push(priority, sender);
        loop {
            // Whoever wakes first gives all turns away that there are, also those of others.
            let next = self.turns(budget).give();
            match tokio::time::timeout_at(next, &mut turn).await {
                Ok(_) => return,
                Err(_) => continue,
            }
        }
    }

    /// AWS throttled a call of this budget.
    pub(super) fn throttled(&self, budget: Budget, retry_after: Option<Duration>) {
        self.turns(budget).bucket.throttled(Instant::now().into_std(), retry_after);
    }
}

#[cfg(test)]
mod tests;
