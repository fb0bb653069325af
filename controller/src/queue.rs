//! A work queue: each key once, one worker per key, delays, and a back-off that grows with failures and is forgotten on
//! success. The state is pure (the clock is an argument); only [`Queue`] waits.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The delay after so many failures in a row: `first` at first, doubled each time, at most `longest`, with `jitter` between 0
/// and 1 spreading it over its upper half.
pub fn backoff(failures: u32, first: Duration, longest: Duration, jitter: f64) -> Duration {
    let full = first.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(longest);
    full.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

struct State<K> {
    ready: VecDeque<K>,
    waiting: BTreeSet<(Instant, K)>,
    /// When each waiting key is due.
    due: HashMap<K, Instant>,
    queued: HashSet<K>,
    running: HashSet<K>,
    /// Added while running: due again once done.
    again: HashMap<K, Instant>,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Ord + Hash> State<K> {
    fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            due: HashMap::new(),
            queued: HashSet::new(),
            running: HashSet::new(),
            again: HashMap::new(),
            failures: HashMap::new(),
        }
    }

    fn add(&mut self, key: K, at: Instant, now: Instant) {
        if self.running.contains(&key) {
            let due = self.again.entry(key).or_insert(at);
            *due = (*due).min(at);
            return;
        }
        if self.queued.contains(&key) {
            return;
        }
        if at <= now {
            if let Some(due) = self.due.remove(&key) {
                self.waiting.remove(&(due, key.clone()));
            }
            self.queued.insert(key.clone());
            self.ready.push_back(key);
            return;
        }
        match self.due.get(&key) {
            Some(due) if *due <= at => {}
            due => {
                if let Some(due) = due.copied() {
                    self.waiting.remove(&(due, key.clone()));
                }
                self.due.insert(key.clone(), at);
                self.waiting.insert((at, key));
            }
        }
    }

    fn next(&mut self, now: Instant) -> Result<K, Option<Instant>> {
        while let Some((due, key)) = self.waiting.first().cloned()
            && due <= now
        {
            self.waiting.remove(&(due, key.clone()));
            self.due.remove(&key);
            self.queued.insert(key.clone());
            self.ready.push_back(key);
        }
        match self.ready.pop_front() {
            Some(key) => {
                self.queued.remove(&key);
                self.running.insert(key.clone());
                Ok(key)
            }
            None => Err(self.waiting.first().map(|(due, _)| *due)),
        }
    }

    fn done(&mut self, key: &K, now: Instant) {
        self.running.remove(key);
        if let Some(at) = self.again.remove(key) {
            self.add(key.clone(), at, now);
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
    pub fn add(&self, key: K) {
        self.add_after(key, Duration::ZERO);
    }

    /// Later; an earlier due time stays.
    pub fn add_after(&self, key: K, delay: Duration) {
        let now = Instant::now();
        self.state().add(key, now + delay, now);
        self.changed.notify_one();
    }

    /// After a failure; each in a row waits longer; see [`backoff`].
    pub fn retry(&self, key: K, first: Duration, longest: Duration, jitter: f64) {
        let delay = {
            let mut state = self.state();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures = failures.saturating_add(1);
            backoff(*failures, first, longest, jitter)
        };
        self.add_after(key, delay);
    }

    /// After a success.
    pub fn forget(&self, key: &K) {
        self.state().failures.remove(key);
    }

    /// The next key; it is nobody else's until [`Queue::done`].
    pub async fn next(&self) -> K {
        loop {
            let changed = self.changed.notified();
            let outcome = self.state().next(Instant::now());
            match outcome {
                Ok(key) => {
                    // Another worker may find the next one.
                    self.changed.notify_one();
                    return key;
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
        self.state().ready.len()
    }

    /// Whether nothing is due now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
