//! A caller's time runs while it is waited for, and only then.

use std::future::poll_fn;

use tokio::time::{advance, timeout};

use super::*;

const MOST: Duration = Duration::from_secs(60);

/// Whether the patience ends within this time of waiting.
async fn ends_within(patience: &mut Patience, time: Duration) -> bool {
    timeout(time, poll_fn(|cx| patience.poll_end(cx))).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_takes_nothing_is_given_up() {
    let mut patience = Patience::new(MOST);
    assert!(!ends_within(&mut patience, Duration::from_secs(59)).await);
    assert!(ends_within(&mut patience, Duration::from_secs(2)).await);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_takes_enough_is_waited_for_without_end() {
    let mut patience = Patience::new(MOST);
    for _ in 0..100 {
        assert!(!ends_within(&mut patience, Duration::from_secs(50)).await);
        patience.took(64 * 1024);
    }
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_is_not_enough() {
    let mut patience = Patience::new(MOST);
    for _ in 0..5 {
        assert!(!ends_within(&mut patience, Duration::from_secs(11)).await);
        patience.took(1);
    }
    assert!(ends_within(&mut patience, Duration::from_secs(11)).await);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_silent_function_is_not_the_callers() {
    let mut patience = Patience::new(MOST);
    assert!(!ends_within(&mut patience, Duration::from_secs(30)).await);
    patience.rest();
    advance(Duration::from_secs(3600)).await;
    assert!(!ends_within(&mut patience, Duration::from_secs(29)).await);
    assert!(ends_within(&mut patience, Duration::from_secs(2)).await);
}
