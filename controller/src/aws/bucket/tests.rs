//! Tokens over time.

use proptest::prelude::*;

use super::*;

/// How many requests get through from `begin` on in `span`, asking as early as allowed.
fn through(bucket: &mut Bucket, begin: Instant, span: Duration) -> Vec<Duration> {
    let (mut now, mut taken) = (begin, Vec::new());
    while now < begin + span {
        match bucket.take(now) {
            Ok(()) => taken.push(now - begin),
            Err(next) => {
                assert!(next > now, "a wait that is none would spin");
                now = next;
            }
        }
    }
    taken
}

#[test]
fn a_minute_sees_the_rate_and_half_a_second_more() {
    let begin = Instant::now();
    let mut bucket = Bucket::new(10, begin);
    let taken = through(&mut bucket, begin, Duration::from_secs(60));
    assert!((604..=605).contains(&taken.len()), "{}", taken.len());
}

#[test]
fn no_second_sees_more_than_what_aws_allows() {
    let begin = Instant::now();
    for (rate, allowed) in [(10, 15), (50, 100)] {
        let mut bucket = Bucket::new(rate, begin);
        // Idle at first: what is saved meanwhile is bounded.
        let taken = through(&mut bucket, begin + Duration::from_secs(3600), Duration::from_secs(5));
        for first in &taken {
            let within = taken.iter().filter(|at| (*first..*first + Duration::from_secs(1)).contains(*at)).count();
            assert!(within <= allowed, "{within} in the second from {first:?} at {rate} a second");
        }
    }
}

#[test]
fn a_throttle_halves_the_rate_which_comes_back_by_equal_steps() {
    let begin = Instant::now();
    let mut bucket = Bucket::new(10, begin);
    bucket.throttled(begin, None);
    assert_eq!(bucket.left(begin), 0);
    let rates = [0, 2, 4, 6, 8, 10, 12].map(|s| (bucket.rate(begin + Duration::from_secs(s)) * 1000.0).round());
    assert_eq!(rates, [5000.0, 6000.0, 7000.0, 8000.0, 9000.0, 10000.0, 10000.0]);
    let taken = through(&mut bucket, begin, Duration::from_secs(10));
    assert!((74..=75).contains(&taken.len()), "the mean of 5 and 10 a second: {}", taken.len());
}

#[test]
fn the_answers_to_one_excess_halve_the_rate_once_and_another_excess_halves_it_again() {
    let begin = Instant::now();
    let mut bucket = Bucket::new(16, begin);
    for millis in [0, 100, 900] {
        bucket.throttled(begin + Duration::from_millis(millis), None);
    }
    assert!((8.0..9.0).contains(&bucket.rate(begin + Duration::from_secs(1))));
    bucket.throttled(begin + Duration::from_secs(1), None);
    assert!((4.0..5.0).contains(&bucket.rate(begin + Duration::from_secs(1))));
}

#[test]
fn the_rate_never_falls_below_one_a_second() {
    let begin = Instant::now();
    let mut bucket = Bucket::new(10, begin);
    for second in 0..30 {
        bucket.throttled(begin + Duration::from_secs(second), None);
    }
    assert!(bucket.rate(begin + Duration::from_secs(29)) >= 1.0);
}

#[test]
fn nothing_is_asked_before_the_time_that_aws_named() {
    let begin = Instant::now();
    let mut bucket = Bucket::new(10, begin);
    bucket.throttled(begin, Some(Duration::from_secs(4)));
    assert_eq!(bucket.take(begin + Duration::from_secs(1)), Err(begin + Duration::from_secs(4)));
    assert_eq!(bucket.left(begin + Duration::from_secs(3)), 0);
    assert_eq!(bucket.take(begin + Duration::from_secs(4)), Ok(()));
    bucket.throttled(begin + Duration::from_secs(5), Some(Duration::from_secs(3600)));
    assert_eq!(bucket.take(begin + Duration::from_secs(5)), Err(begin + Duration::from_secs(35)), "it is bounded");
}

proptest! {
    #[test]
    fn whatever_happens_no_span_sees_more_than_its_rate_and_the_half_second(
        rate in 1_u32..200,
        events in prop::collection::vec((0_u64..2000, any::<bool>()), 1..200),
    ) {
        let begin = Instant::now();
        let mut bucket = Bucket::new(rate, begin);
        let (mut now, mut taken) = (begin, 0_u32);
        for (millis, throttle) in events {
            now += Duration::from_millis(millis);
            if throttle {
                bucket.throttled(now, None);
            }
            while bucket.take(now).is_ok() {
                taken += 1;
            }
        }
        let most = f64::from(rate) * (now - begin).as_secs_f64() + (f64::from(rate) / 2.0).max(1.0) + 1e-3;
        prop_assert!(f64::from(taken) <= most, "{taken} of {most}");
    }
}
