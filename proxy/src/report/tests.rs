//! What the controller is told, and how often.

use super::*;

fn words(news: &News) -> Vec<(&str, &str, u64)> {
    news.causes.iter().map(|c| (c.route_id.as_str(), c.cause.as_str(), c.count)).collect()
}

#[tokio::test(start_paused = true)]
async fn counts_are_reported_as_differences_once_a_second() {
    let (counts, mut pace) = (CauseCounts::default(), Pace::new());
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    let begun = Instant::now();
    counts.add(&b, Cause::UpstreamReset);
    counts.add(&a, Cause::UpstreamReset);
    counts.add(&a, Cause::UpstreamReset);
    assert_eq!(words(&pace.next(&counts).await), [("a", "upstream_reset", 2), ("b", "upstream_reset", 1)]);
    counts.add(&a, Cause::UpstreamReset);
    assert_eq!(words(&pace.next(&counts).await), [("a", "upstream_reset", 1)]);
    assert_eq!(begun.elapsed(), INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn a_vanished_permission_does_not_wait_for_the_second() {
    let (counts, mut pace) = (CauseCounts::default(), Pace::new());
    let a: Arc<str> = "a".into();
    counts.add(&a, Cause::LambdaThrottled);
    pace.next(&counts).await;
    let begun = Instant::now();
    counts.add(&a, Cause::LambdaThrottled);
    counts.add(&a, Cause::LambdaAccessDenied);
    let causes = pace.next(&counts).await;
    assert_eq!(words(&causes), [("a", "lambda_access_denied", 1), ("a", "lambda_throttled", 1)]);
    assert_eq!(begun.elapsed(), URGENT_INTERVAL);
}

#[tokio::test(start_paused = true)]
async fn counts_of_a_broken_stream_are_reported_on_the_next() {
    let counts = CauseCounts::default();
    let a: Arc<str> = "a".into();
    let mut pace = Pace::new();
    counts.add(&a, Cause::UpstreamReset);
    pace.next(&counts).await;
    counts.add(&a, Cause::UpstreamReset);
    assert!(tokio::time::timeout(INTERVAL / 2, pace.next(&counts)).await.is_err(), "not yet due");
    assert_eq!(words(&Pace::new().next(&counts).await), [("a", "upstream_reset", 1)]);
}

#[test]
fn an_identity_is_reported_as_what_is_known() {
    assert_eq!(report(&Identity::Unknown, News::default()).identity, None);
    let arn = Identity::Arn("arn:aws:sts::1:assumed-role/r/s".to_owned());
    assert!(
        matches!(report(&arn, News::default()).identity, Some(ReportedIdentity::IdentityArn(arn)) if arn.ends_with("r/s"))
    );
    let none = Identity::NoCredentials("none".to_owned());
    assert!(matches!(report(&none, News::default()).identity, Some(ReportedIdentity::CredentialsError(_))));
    let unidentified = Identity::Unidentified("no answer".to_owned());
    assert!(matches!(report(&unidentified, News::default()).identity, Some(ReportedIdentity::IdentityError(_))));
}

#[tokio::test(start_paused = true)]
async fn a_key_set_is_told_to_be_old_once_a_minute_however_many_tokens_say_so() {
    let (counts, mut pace) = (CauseCounts::default(), Pace::new());
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    for id in [&a, &b, &a] {
        counts.stale_key_set(id.clone());
    }
    assert_eq!(pace.next(&counts).await.stale_key_sets, ["a", "b"]);
    counts.stale_key_set(a.clone());
    assert!(tokio::time::timeout(STALE_INTERVAL / 2, pace.next(&counts)).await.is_err(), "not again so soon");
    tokio::time::advance(STALE_INTERVAL).await;
    counts.stale_key_set(a);
    assert_eq!(pace.next(&counts).await.stale_key_sets, ["a"]);
}
