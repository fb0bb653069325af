//! Never more than the rate and one burst, whatever the times; what is consumed stays consumed.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn rate(requests: u64, interval_ms: u64, burst: u64) -> Rate {
    Rate::new(requests * 1000, interval_ms, burst * 1000)
}

/// How many of so many requests at one time pass.
fn passed(bucket: &mut FullAt, now: u64, rate: Rate, count: u32) -> u32 {
    (0..count).filter(|_| take(*bucket, now, rate).inspect(|taken| *bucket = *taken).is_some()).count() as u32
}

#[test]
fn a_full_bucket_gives_its_burst_at_once_and_then_the_rate() {
    let rate = rate(10, 1000, 25);
    let mut bucket = 0;
    assert_eq!(passed(&mut bucket, 5 * SECOND, rate, 100), 25);
    assert_eq!(passed(&mut bucket, 5 * SECOND + SECOND / 10 - 1, rate, 100), 0);
    assert_eq!(passed(&mut bucket, 5 * SECOND + SECOND / 10, rate, 100), 1);
    assert_eq!(passed(&mut bucket, 6 * SECOND, rate, 100), 9);
    assert_eq!(passed(&mut bucket, 60 * SECOND, rate, 100), 25, "it doesn't fill above its burst");
}

#[test]
fn a_refused_request_takes_nothing() {
    let rate = rate(1, 1000, 1);
    let mut bucket = take(0, SECOND, rate).unwrap();
    for _ in 0..1000 {
        assert_eq!(take(bucket, SECOND + 1, rate), None);
    }
    assert_eq!(passed(&mut bucket, 2 * SECOND, rate, 2), 1);
}

#[test]
fn a_share_of_less_than_one_request_passes_one_now_and_then() {
    // 1 request in 3 s, over 4 proxies: a quarter each.
    let rate = Rate::new(250, 3000, 250);
    let mut bucket = 0;
    assert_eq!(passed(&mut bucket, SECOND, rate, 5), 1);
    assert_eq!(passed(&mut bucket, 12 * SECOND, rate, 5), 0);
    assert_eq!(passed(&mut bucket, 13 * SECOND, rate, 5), 1);
}

#[test]
fn a_share_of_nothing_passes_nothing() {
    let rate = Rate::new(0, 1000, 5000);
    assert_eq!(take(0, SECOND, rate), None);
    assert_eq!(standing(0, SECOND, rate), Standing { left: 0, capacity: rate.capacity, next_in: None, full_in: 0 });
}

#[test]
fn a_standing_tells_when_the_next_request_passes() {
    let rate = rate(10, 1000, 2);
    let mut bucket = 0;
    assert_eq!(standing(bucket, SECOND, rate).next_in, Some(0));
    passed(&mut bucket, SECOND, rate, 2);
    let used_up = standing(bucket, SECOND, rate);
    assert_eq!((used_up.left, used_up.next_in, used_up.full_in), (0, Some(SECOND / 10), SECOND / 5));
    let next = SECOND + used_up.next_in.unwrap();
    assert!(take(bucket, next - 1, rate).is_none() && take(bucket, next, rate).is_some());
}

#[test]
fn the_longest_interval_and_the_smallest_share_fit() {
    let rate = Rate::new(1, 3_600_000, 1);
    let bucket = take(0, u64::from(u32::MAX) * SECOND, rate).unwrap();
    assert!(take(bucket, bucket - 1, rate).is_none() && take(bucket, bucket, rate).is_some());
    let extreme = Rate::new(u64::MAX, u64::MAX, u64::MAX);
    assert!(take(u64::MAX, 0, extreme).is_none());
    convert(u64::MAX, 0, extreme, Rate::new(1, u64::MAX, u64::MAX));
}

#[test]
fn what_is_consumed_stays_consumed_over_a_change() {
    let (small, large) = (rate(10, 1000, 10), rate(1000, 1000, 1000));
    let mut bucket = 0;
    passed(&mut bucket, SECOND, small, 6);
    bucket = convert(bucket, SECOND, small, large);
    assert_eq!(passed(&mut bucket, SECOND, large, 2000), 994);
    bucket = convert(bucket, SECOND, large, small);
    assert_eq!(passed(&mut bucket, SECOND, small, 1), 0, "1000 of 10 are consumed");
    assert_eq!(standing(bucket, SECOND, small).next_in, Some(99 * SECOND + SECOND / 10));
}

prop_compose! {
    fn any_rate()(millirequests in 1u64..5_000_000, interval_ms in 1u64..3_600_000, burst in 0u64..5_000_000) -> (u64, u64, u64) {
        (millirequests, interval_ms, burst)
    }
}

proptest! {
    #[test]
    fn no_window_lets_more_through_than_the_burst_and_the_rate(
        (millirequests, interval_ms, burst) in any_rate(),
        steps in prop::collection::vec((0u64..4 * SECOND, 1u32..40), 1..60),
    ) {
        let rate = Rate::new(millirequests, interval_ms, burst);
        let (mut bucket, mut now, mut log) = (0, SECOND, Vec::new());
        for (pause, count) in steps {
            now += pause;
            log.push((now, passed(&mut bucket, now, rate, count)));
        }
        for (from, &(start, _)) in log.iter().enumerate() {
            let mut sum = 0u128;
            for &(end, passed) in &log[from..] {
                sum += u128::from(passed);
                // In thousandths of a request: the burst (at least one request) and what flows in meanwhile.
                let flows = u128::from(end - start) * u128::from(millirequests) / (u128::from(interval_ms) * 1_000_000);
                let most = u128::from(burst.max(1000)) + flows + 1;
                prop_assert!(sum * 1000 <= most, "{sum} in {} ns, of {most} thousandths", end - start);
            }
        }
    }

    #[test]
    fn a_change_and_back_gives_nobody_a_request_more(
        (a, interval_a, burst_a) in any_rate(),
        (b, interval_b, burst_b) in any_rate(),
        count in 1u32..50,
    ) {
        let (first, second) = (Rate::new(a, interval_a, burst_a), Rate::new(b, interval_b, burst_b));
        let mut bucket = 0;
        passed(&mut bucket, SECOND, first, count);
        let back = convert(convert(bucket, SECOND, first, second), SECOND, second, first);
        prop_assert!(back >= bucket);
        prop_assert!(convert(0, SECOND, first, second) == SECOND, "a full bucket stays full");
    }

    #[test]
    fn a_request_passes_exactly_when_the_standing_says_so(
        (millirequests, interval_ms, burst) in any_rate(),
        count in 0u32..50,
        later in 0u64..4 * SECOND,
    ) {
        let rate = Rate::new(millirequests, interval_ms, burst);
        let mut bucket = 0;
        passed(&mut bucket, SECOND, rate, count);
        let now = SECOND + later;
        let standing = standing(bucket, now, rate);
        prop_assert_eq!(standing.left > 0, take(bucket, now, rate).is_some());
        prop_assert_eq!(standing.next_in == Some(0), take(bucket, now, rate).is_some());
        let next = now + standing.next_in.unwrap();
        prop_assert!(take(bucket, next, rate).is_some());
        prop_assert!(next == now || take(bucket, next - 1, rate).is_none());
    }
}
