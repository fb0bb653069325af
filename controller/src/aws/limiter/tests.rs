//! Waiting, with the clock in hand.

use tokio::task::JoinSet;

use super::*;

fn limiter() -> Arc<Limiter> {
    let place = Place { account_id: "111122223333".into(), region: "eu-west-1".into() };
    Limiters::new(AwsRate::default()).of(place)
}

async fn take(limiter: &Limiter, priority: Priority, times: usize) {
    for _ in 0..times {
        limiter.turn(Budget::ControlPlane, priority).await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_calls_get_their_turns_at_the_rate_whoever_waits() {
    let limiter = limiter();
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let limiter = limiter.clone();
        callers.spawn(async move { take(&limiter, Priority::Change, 100).await });
    }
    callers.join_all().await;
    let took = begun.elapsed().as_secs_f64();
    assert!((79.0..80.5).contains(&took), "800 calls at 10 a second, 5 of them at once: {took} s");
}

#[tokio::test(start_paused = true)]
async fn budgets_are_separate() {
    let limiter = limiter();
    let begun = Instant::now();
    for _ in 0..5 {
        limiter.turn(Budget::ControlPlane, Priority::Change).await;
        limiter.turn(Budget::GetPolicy, Priority::Change).await;
        limiter.turn(Budget::GetFunction, Priority::Change).await;
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    limiter.turn(Budget::GetFunction, Priority::Change).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    limiter.turn(Budget::GetPolicy, Priority::Change).await;
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn each_account_and_region_has_one_limiter_of_its_own() {
    let limiters = Limiters::new(AwsRate::default());
    let at = |region: &str| limiters.of(Place { account_id: "111122223333".into(), region: region.into() });
    assert!(Arc::ptr_eq(&at("eu-west-1"), &at("eu-west-1")));
    take(&at("eu-west-1"), Priority::Change, 5).await;
    let left = |region: &str| {
        let levels = limiters.levels();
        let level = levels.iter().find(|level| level.place.region == region && level.budget == Budget::ControlPlane);
        level.map(|level| level.left)
    };
    assert_eq!(left("eu-west-1"), Some(0));
    assert_eq!(left("us-east-1"), None, "nobody asked for it");
    at("us-east-1");
    assert_eq!(left("us-east-1"), Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_change_overtakes_drift_checks_that_wait_already() {
    let limiter = limiter();
    take(&limiter, Priority::Drift, 5).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut callers = JoinSet::new();
    for priority in [Priority::Drift, Priority::Drift, Priority::Deletion, Priority::Change] {
        let (limiter, order) = (limiter.clone(), order.clone());
        callers.spawn(async move {
            take(&limiter, priority, 1).await;
            lock(&order).push(priority);
        });
        tokio::task::yield_now().await;
    }
    callers.join_all().await;
    assert_eq!(*lock(&order), [Priority::Change, Priority::Deletion, Priority::Drift, Priority::Drift]);
}

#[tokio::test(start_paused = true)]
async fn deletions_go_on_while_changes_never_end() {
    let limiter = limiter();
    let mut changes = JoinSet::new();
    for _ in 0..8 {
        let limiter = limiter.clone();
        changes.spawn(async move { take(&limiter, Priority::Change, usize::MAX).await });
    }
    tokio::task::yield_now().await;
    let begun = Instant::now();
    take(&limiter, Priority::Deletion, 30).await;
    let took = begun.elapsed().as_secs_f64();
    assert!(took < 10.5, "a third of 10 a second: 30 in {took} s");
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_takes_no_turn() {
    let limiter = limiter();
    take(&limiter, Priority::Change, 5).await;
    let begun = Instant::now();
    for _ in 0..50 {
        let hasty =
            tokio::time::timeout(Duration::from_millis(1), limiter.turn(Budget::ControlPlane, Priority::Change));
        assert!(hasty.await.is_err());
        if begun.elapsed() > Duration::from_millis(90) {
            break;
        }
    }
    take(&limiter, Priority::Change, 1).await;
    assert!(begun.elapsed() < Duration::from_millis(110), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_throttle_slows_those_down_who_wait_already() {
    let limiter = limiter();
    take(&limiter, Priority::Change, 5).await;
    let begun = Instant::now();
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { take(&limiter, Priority::Change, 1).await }
    });
    tokio::task::yield_now().await;
    limiter.throttled(Budget::ControlPlane, Some(Duration::from_secs(3)));
    waiting.await.expect("it ends");
    assert_eq!(begun.elapsed().as_secs(), 3);
    assert_eq!(limiter.turns(Budget::GetPolicy).bucket.rate(Instant::now().into_std()).round() as u32, 10);
}
