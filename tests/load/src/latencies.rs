//! Latencies and their percentiles. Pure.

use std::time::Duration;

/// How long each request took.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    nanoseconds: Vec<u64>,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.nanoseconds.push(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
    }

    /// The latency that this share of the requests (0.5: the median) did not exceed, by the nearest rank. Zero of none.
    pub fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.nanoseconds.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        Duration::from_nanos(sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    //! Percentiles by the nearest rank.

    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let mut latencies = Latencies::default();
        for microseconds in (1..=200).rev() {
            latencies.add(Duration::from_micros(microseconds));
        }
        assert_eq!(latencies.percentile(0.5), Duration::from_micros(100));
        assert_eq!(latencies.percentile(0.99), Duration::from_micros(198));
        assert_eq!(latencies.percentile(1.0), Duration::from_micros(200));
        assert_eq!(Latencies::default().percentile(0.5), Duration::ZERO);
    }
}
