//! The buckets of one rate limit: one for all, or one for each key, in a bounded number. Locked in shards, never for longer
//! than the arithmetic takes. When all buckets are taken, new keys share one: spraying keys evicts nobody. A bucket that
//! is full again is the same as none, and makes room.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limit::gcra::{FullAt, Rate, Standing, convert, is_full, standing, take};

/// Shards of a limit with many keys. A power of two.
const SHARDS: usize = 16;
/// Fewer keys than this for each shard, and there is one shard alone.
const KEYS_PER_SHARD: usize = 64;
/// A shard is searched for buckets that are full again at most once in this time, in nanoseconds.
const SWEEP_PAUSE: u64 = 10_000_000;

/// Keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not used: keys are written by `write_u64`.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

struct Shard {
    rate: Rate,
    buckets: HashMap<u64, FullAt, BuildHasherDefault<AsItIs>>,
    swept: u64,
}

struct Shared {
    rate: Rate,
    bucket: FullAt,
}

/// See the module.
pub(crate) struct Buckets {
    /// None for a limit without keys.
    shards: Box<[Mutex<Shard>]>,
    /// The one bucket of a limit without keys; else of those keys that found no room.
    shared: Mutex<Shared>,
    /// Buckets in all shards.
    taken: AtomicUsize,
    most: usize,
    refused: AtomicU64,
}

impl Buckets {
    /// `keys`: the most keys with a bucket of their own; None: one bucket for all.
    pub(crate) fn new(rate: Rate, keys: Option<usize>) -> Self {
        let shards = keys.map_or(0, |keys| if keys < SHARDS * KEYS_PER_SHARD { 1 } else { SHARDS });
        Buckets {
            shards: (0..shards).map(|_| Mutex::new(Shard { rate, buckets: HashMap::default(), swept: 0 })).collect(),
            shared: Mutex::new(Shared { rate, bucket: 0 }),
            taken: AtomicUsize::new(0),
            most: keys.unwrap_or(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Whether each key has a bucket of its own.
    pub(crate) fn is_keyed(&self) -> bool {
        !self.shards.is_empty()
    }

    /// Enforces another rate from now on. What is consumed stays consumed.
    pub(crate) fn set_rate(&self, now: u64, rate: Rate) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let from = std::mem::replace(&mut shard.rate, rate);
            if from != rate {
                shard.buckets.values_mut().for_each(|bucket| *bucket = convert(*bucket, now, from, rate));
            }
        }
        let mut shared = lock(&self.shared);
        shared.bucket = convert(shared.bucket, now, shared.rate, rate);
        shared.rate = rate;
    }

    /// The bucket of this key, locked: nobody else takes from it until it is decided.
    pub(crate) fn open(&self, key: u64, now: u64) -> Opened<'_> {
        let Some(shard) = self.shards.get(self.shard_of(key)) else { return self.open_shared() };
        let mut shard = lock(shard);
        if let Some(&bucket) = shard.buckets.get(&key) {
            return Opened { buckets: self, place: Place::Own { shard, key, new: false }, bucket };
        }
        if !self.has_room() {
            self.sweep(&mut shard, now);
        }
        if self.take_room() {
            return Opened { buckets: self, place: Place::Own { shard, key, new: true }, bucket: 0 };
        }
        drop(shard);
        self.open_shared()
    }

    fn open_shared(&self) -> Opened<'_> {
        let shared = lock(&self.shared);
        let bucket = shared.bucket;
        Opened { buckets: self, place: Place::Shared(shared), bucket }
    }

    /// Refused requests, ever.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// By the upper bits: the map uses the lower ones.
    fn shard_of(&self, key: u64) -> usize {
        (key >> 60) as usize % self.shards.len().max(1)
    }

    fn has_room(&self) -> bool {
        self.taken.load(Ordering::Relaxed) < self.most
    }

    fn take_room(&self) -> bool {
        let more = |taken| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn sweep(&self, shard: &mut Shard, now: u64) {
        if now < shard.swept.saturating_add(SWEEP_PAUSE) && shard.swept != 0 {
            return;
        }
        shard.swept = now;
        let before = shard.buckets.len();
        shard.buckets.retain(|_, bucket| !is_full(*bucket, now));
        self.taken.fetch_sub(before - shard.buckets.len(), Ordering::Relaxed);
    }
}

enum Place<'a> {
    Own { shard: MutexGuard<'a, Shard>, key: u64, new: bool },
    Shared(MutexGuard<'a, Shared>),
}

/// A bucket that is being decided on.
pub(crate) struct Opened<'a> {
    buckets: &'a Buckets,
    place: Place<'a>,
    bucket: FullAt,
}

impl Opened<'_> {
    fn rate(&self) -> Rate {
        match &self.place {
            Place::Own { shard, .. } => shard.rate,
            Place::Shared(shared) => shared.rate,
        }
    }

    /// Whether there is a request in it.
    pub(crate) fn passes(&self, now: u64) -> bool {
        take(self.bucket, now, self.rate()).is_some()
    }

    /// Takes a request out of it, if there is one.
    pub(crate) fn take(&mut self, now: u64) {
        let Some(taken) = take(self.bucket, now, self.rate()) else { return };
        self.bucket = taken;
        match &mut self.place {
            Place::Own { shard, key, new } => {
                shard.buckets.insert(*key, taken);
                *new = false;
            }
            Place::Shared(shared) => shared.bucket = taken,
        }
    }

    /// Counts a refusal by this limit.
    pub(crate) fn count_refusal(&self) {
        self.buckets.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How it stands now.
    pub(crate) fn standing(&self, now: u64) -> Standing {
        standing(self.bucket, now, self.rate())
    }
}

impl Drop for Opened<'_> {
    /// The room of a key that took nothing is given back.
    fn drop(&mut self) {
        if let Place::Own { new: true, .. } = self.place {
            self.buckets.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What a panic left is whole: nothing here can panic between two writes.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
