//! Work, in whatever order it comes.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_key_is_worked_on_once_however_often_it_is_added() {
    let queue = Queue::default();
    queue.add("a", Priority::Change);
    queue.add("a", Priority::Change);
    assert_eq!(queue.next().await.0, "a");
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_comes_again_while_it_is_worked_on_waits_for_its_worker() {
    let queue = Queue::default();
    queue.add("a", Priority::Change);
    assert_eq!(queue.next().await.0, "a");
    queue.add("a", Priority::Change);
    assert!(tokio::time::timeout(SECOND, queue.next()).await.is_err());
    queue.done(&"a");
    assert_eq!(queue.next().await.0, "a");
}

#[tokio::test(start_paused = true)]
async fn a_delayed_key_comes_when_it_is_due_and_earlier_if_asked() {
    let queue = Queue::default();
    let begun = Instant::now();
    queue.add_after("late", SECOND * 60, Priority::Change);
    queue.add_after("soon", SECOND * 5, Priority::Change);
    queue.add_after("soon", SECOND * 50, Priority::Change);
    assert_eq!(queue.next().await.0, "soon");
    assert_eq!(begun.elapsed().as_secs(), 5);
    queue.add("late", Priority::Change);
    assert_eq!(queue.next().await.0, "late");
    assert_eq!(begun.elapsed().as_secs(), 5);
    queue.done(&"late");
    assert!(tokio::time::timeout(SECOND * 100, queue.next()).await.is_err(), "it came once");
}

#[tokio::test(start_paused = true)]
async fn failures_wait_longer_each_time_until_a_success() {
    let queue = Queue::default();
    let mut delays = Vec::new();
    for _ in 0..4 {
        let begun = Instant::now();
        queue.retry("a", Priority::Change, SECOND / 4, SECOND * 300, 1.0);
        let (key, _) = queue.next().await;
        queue.done(&key);
        delays.push(begun.elapsed().as_millis());
    }
    assert!(delays.windows(2).all(|pair| pair[0] < pair[1]), "{delays:?}");
    queue.forget(&"a");
    let begun = Instant::now();
    queue.retry("a", Priority::Change, SECOND * 3, SECOND * 300, 1.0);
    queue.next().await;
    assert_eq!(begun.elapsed().as_secs(), 3, "after a success it begins anew");
}

#[test]
fn the_back_off_is_bounded_and_spread() {
    assert_eq!(backoff(1, SECOND, SECOND * 300, 1.0), SECOND);
    assert_eq!(backoff(3, SECOND, SECOND * 300, 1.0), SECOND * 4);
    assert_eq!(backoff(u32::MAX, SECOND, SECOND * 300, 1.0), SECOND * 300);
    assert_eq!(backoff(u32::MAX, SECOND, SECOND * 300, 0.0), SECOND * 150);
}

#[tokio::test(start_paused = true)]
async fn two_workers_never_hold_the_same_key() {
    let queue = std::sync::Arc::new(Queue::default());
    for key in 0..100 {
        queue.add(key, Priority::Change);
    }
    let mut workers = Vec::new();
    for _ in 0..4 {
        let queue = queue.clone();
        workers.push(tokio::spawn(async move {
            let mut keys = Vec::new();
            while let Ok((key, _)) = tokio::time::timeout(SECOND, queue.next()).await {
                tokio::task::yield_now().await;
                queue.done(&key);
                keys.push(key);
            }
            keys
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_before_drift_checks_that_are_due_already() {
    let queue = Queue::default();
    queue.add("steady", Priority::Drift);
    queue.add("going", Priority::Deletion);
    queue.add("changed", Priority::Change);
    assert_eq!(queue.next().await, ("changed", Priority::Change));
    assert_eq!(queue.next().await, ("going", Priority::Deletion));
    assert_eq!(queue.next().await, ("steady", Priority::Drift));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_becomes_urgent_while_it_waits_is_worked_on_once_and_first() {
    let queue = Queue::default();
    queue.add("other", Priority::Drift);
    queue.add("a", Priority::Drift);
    queue.add("a", Priority::Change);
    queue.add_after("later", SECOND, Priority::Drift);
    queue.add_after("later", SECOND * 2, Priority::Change);
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.next().await, ("a", Priority::Change));
    assert_eq!(queue.next().await, ("other", Priority::Drift));
    let begun = Instant::now();
    assert_eq!(queue.next().await, ("later", Priority::Change), "as early and as urgent as anybody asked");
    assert_eq!(begun.elapsed(), SECOND);
    assert!(tokio::time::timeout(SECOND * 9, queue.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_and_again_waits_behind_what_may_succeed() {
    let queue = Queue::default();
    let mut priorities = Vec::new();
    for _ in 0..6 {
        queue.retry("a", Priority::Change, SECOND, SECOND, 1.0);
        let (key, priority) = queue.next().await;
        queue.done(&key);
        priorities.push(priority);
    }
    assert_eq!(priorities[..4], [Priority::Change; 4]);
    assert_eq!(priorities[4..], [Priority::Drift; 2]);
}
