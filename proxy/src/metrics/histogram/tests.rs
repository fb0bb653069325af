//! Where durations are counted.

use super::*;

#[test]
fn a_duration_is_counted_within_the_first_bound_that_holds_it() {
    let durations = Durations::default();
    for ms in [0, 5, 6, 900_000, 900_001] {
        durations.observe(Duration::from_millis(ms));
    }
    let observed = durations.observed();
    let counted: Vec<_> = observed.buckets.iter().filter(|(_, count)| *count > 0).copied().collect();
    assert_eq!(counted, [(0.005, 2), (0.01, 1), (900.0, 1), (f64::INFINITY, 1)]);
    assert_eq!((observed.count, observed.sum), (5, 1800.012));
}
