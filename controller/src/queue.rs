//! A work queue: each key once, one worker per key, delays, priorities, and a back-off that grows with failures and is forgotten
//! on success. The state is pure (the clock is an argument); only [`Queue`] waits.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::priority::{Lanes, Priority};

/// After so many failures in a row a key waits behind those that may succeed.
const HOPEFUL: u32 = 4;

/// The delay after so many failures in a row: `first` at first, doubled each time, at most `longest`, with `jitter` between 0
/// and 1 spreading it over its upper half.
pub fn backoff(failures: u32, first: Duration, longest: Duration, jitter: f64) -> Duration {
    let full = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(longest);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// When a key is due, and how urgent it is then.
#[derive(Clone, Copy)]
struct Due {
    at: Instant,
    priority: Priority,
}

impl Due {
    /// The earlier time and the higher priority of both.
    fn merge(self, other: Due) -> Due {
        Due { at: self.at.min(other.at), priority: self.priority.min(other.priority) }
    }
}

struct State<K> {
    /// Also keys that have gone to a higher priority since: `queued` says where a key really waits.
    ready: Lanes<K>,
    queued: HashMap<K, Priority>,
    waiting: BTreeSet<(Instant, K)>,
    /// When each waiting key is due.
    due: HashMap<K, Due>,
    running: HashSet<K>,
    /// Added while running: due again once done.
    again: HashMap<K, Due>,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Ord + Hash> State<K> {
    fn new() -> Self {
        Self {
            ready: Lanes::default(),
            queued: HashMap::new(),
            waiting: BTreeSet::new(),
            due: HashMap::new(),
            running: HashSet::new(),
            again: HashMap::new(),
            failures: HashMap::new(),
        }
    }

    fn add(&mut self, key: K, due: Due, now: Instant) {
        if self.running.contains(&key) {
            let again = self.again.get(&key).map_or(due, |known| known.merge(due));
            self.again.insert(key, again);
            return;
        }
        if let Some(priority) = self.queued.get(&key).copied() {
            // What comes later has nothing to add to what is due now.
            if due.at <= now && due.priority < priority {
                self.make_ready(key, due.priority);
            }
            return;
        }
        let due = match self.due.remove(&key) {
            Some(known) => {
                self.waiting.remove(&(known.at, key.clone()));
                known.merge(due)
            }
            None => due,
        };
        if due.at <= now {
            self.make_ready(key, due.priority);
            return;
        }
        self.waiting.insert((due.at, key.clone()));
        self.due.insert(key, due);
    }

    fn make_ready(&mut self, key: K, priority: Priority) {
        self.queued.insert(key.clone(), priority);
        self.ready.push(priority, key);
    }

    fn next(&mut self, now: Instant) -> Result<(K, Priority), Option<Instant>> {
        while let Some((at, key)) = self.waiting.first().cloned()
            && at <= now
        {
            self.waiting.remove(&(at, key.clone()));
            let priority = self.due.remove(&key).map_or(Priority::Change, |due| due.priority);
            self.make_ready(key, priority);
        }
        while let Some((priority, key)) = self.ready.pop() {
            if self.queued.get(&key) == Some(&priority) {
                self.queued.remove(&key);
                self.running.insert(key.clone());
                return Ok((key, priority));
            }
        }
        Err(self.waiting.first().map(|(at, _)| *at))
    }

    fn done(&mut self, key: &K, now: Instant) {
        self.running.remove(key);
        if let Some(due) = self.again.remove(key) {
            self.add(key.clone(), due, now);
        }
    }
}

/// The queue.
pub struct Queue<K> {
    state: Mutex<State<K>>,
    changed: Notify,
}

impl<K: Clone + Ord + Hash> Default for Queue<K> {
    fn default() -> Self {
        Self { state: Mutex::new(State::new()), changed: Notify::new() }
    }
}

impl<K: Clone + Ord + Hash> Queue<K> {
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now.
    pub fn add(&self, key: K, priority: Priority) {
        self.add_after(key, Duration::ZERO, priority);
    }

    /// Later; an earlier due time and a higher priority stay.
    pub fn add_after(&self, key: K, delay: Duration, priority: Priority) {
        let now = Instant::now();
        self.state().add(key, Due { at: now + delay, priority }, now);
        self.changed.notify_one();
    }

    /// After a failure; each in a row waits longer; see [`backoff`].
    pub fn retry(&self, key: K, priority: Priority, first: Duration, longest: Duration, jitter: f64) {
        let (failures, delay) = {
            let mut state = self.state();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures = failures.saturating_add(1);
            (*failures, backoff(*failures, first, longest, jitter))
        };
        self.add_after(key, delay, if failures > HOPEFUL { Priority::Drift } else { priority });
    }

    /// After a success.
    pub fn forget(&self, key: &K) {
        self.state().failures.remove(key);
    }

    /// The next key; it is nobody else's until [`Queue::done`].
    pub async fn next(&self) -> (K, Priority) {
        loop {
            let changed = self.changed.notified();
            let outcome = self.state().next(Instant::now());
            match outcome {
                Ok(next) => {
                    // Another worker may find the next one.
                    self.changed.notify_one();
                    return next;
                }
                Err(Some(due)) => {
                    let _ = tokio::time::timeout_at(due, changed).await;
                }
                Err(None) => changed.await,
            }
        }
    }

    /// Lets go of a key.
    pub fn done(&self, key: &K) {
        self.state().done(key, Instant::now());
        self.changed.notify_one();
    }

    /// How many keys are due now.
    pub fn len(&self) -> usize {
        self.state().queued.len()
    }

    /// Whether nothing is due now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
