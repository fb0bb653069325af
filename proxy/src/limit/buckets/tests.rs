//! Bounded, and nobody is evicted.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn one_a_minute() -> Rate {
    Rate::new(1000, 60_000, 1000)
}

/// Whether a request of this key passes.
fn passes(buckets: &Buckets, key: u64, now: u64) -> bool {
    let mut opened = buckets.open(key, now);
    let passes = opened.passes(now);
    opened.take(now);
    passes
}

/// As keys are: spread over all bits.
fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[test]
fn each_key_has_its_own_bucket() {
    let buckets = Buckets::new(one_a_minute(), Some(10));
    assert!(passes(&buckets, 1, SECOND) && passes(&buckets, 2, SECOND));
    assert!(!passes(&buckets, 1, SECOND) && !passes(&buckets, 2, SECOND));
}

#[test]
fn a_limit_without_keys_has_one_bucket() {
    let buckets = Buckets::new(one_a_minute(), None);
    assert!(passes(&buckets, 1, SECOND));
    assert!(!passes(&buckets, 2, SECOND));
}

#[test]
fn when_all_are_taken_new_keys_share_one_and_nobody_is_evicted() {
    let most = 10_000;
    let buckets = Buckets::new(one_a_minute(), Some(most));
    for n in 0..most as u64 {
        assert!(passes(&buckets, spread(n), SECOND), "key {n} has a bucket of its own");
    }
    assert!(passes(&buckets, spread(1_000_000), SECOND), "the first without room");
    for n in 1_000_001..1_050_000 {
        assert!(!passes(&buckets, spread(n), SECOND + n), "all others without room share its bucket");
    }
    for n in 0..most as u64 {
        assert!(!passes(&buckets, spread(n), 2 * SECOND), "key {n} is remembered");
    }
    let kept: usize = buckets.shards.iter().map(|shard| lock(shard).buckets.len()).sum();
    assert_eq!(kept, most);
}

#[test]
fn buckets_that_are_full_again_make_room() {
    let buckets = Buckets::new(one_a_minute(), Some(2));
    assert!(passes(&buckets, 1, SECOND) && passes(&buckets, 2, 31 * SECOND));
    assert!(passes(&buckets, 3, 62 * SECOND), "1 is full again");
    assert!(!passes(&buckets, 2, 62 * SECOND), "2 isn't");
    assert!(!passes(&buckets, 3, 63 * SECOND), "3 has a bucket of its own");
}

#[test]
fn a_key_that_takes_nothing_takes_no_room() {
    let buckets = Buckets::new(one_a_minute(), Some(1));
    drop(buckets.open(1, SECOND));
    assert_eq!(buckets.taken.load(Ordering::Relaxed), 0);
    assert!(passes(&buckets, 2, SECOND));
}

#[test]
fn another_rate_keeps_what_is_consumed() {
    for keys in [None, Some(10), Some(10_000)] {
        let buckets = Buckets::new(Rate::new(10_000, 1000, 10_000), keys);
        let count = |now| (0..100).filter(|_| passes(&buckets, 7, now)).count();
        assert_eq!(count(SECOND), 10);
        buckets.set_rate(SECOND, Rate::new(15_000, 1000, 15_000));
        assert_eq!(count(SECOND), 5);
        buckets.set_rate(SECOND, Rate::new(0, 1000, 0));
        assert_eq!(count(SECOND), 0);
        buckets.set_rate(SECOND, Rate::new(20_000, 1000, 20_000));
        assert_eq!(count(SECOND), 5);
    }
}

#[test]
fn at_the_same_time_from_many_threads_no_more_than_the_burst_passes() {
    let buckets = Buckets::new(Rate::new(1_000, 3_600_000, 500_000), Some(10_000));
    let passed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let count = (0..1000).filter(|_| passes(&buckets, 7, SECOND)).count();
                passed.fetch_add(count, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(passed.into_inner(), 500);
}
