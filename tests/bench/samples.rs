//! How long things took.

use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Samples {
    took: Duration,
    latencies: Vec<Duration>,
}

impl Samples {
    pub(crate) fn new(took: Duration, mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self { took, latencies }
    }

    /// From the first to the last.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.latencies.len()
    }

    /// How many there were a second.
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// What so many of a hundred did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100);
        self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values() {
        let latencies = (1..=200).rev().map(Duration::from_millis).collect();
        let samples = Samples::new(Duration::from_secs(2), latencies);
        assert_eq!(samples.percentile(50), Duration::from_millis(100));
        assert_eq!(samples.percentile(99), Duration::from_millis(198));
        assert!((samples.rate() - 100.0).abs() < f64::EPSILON);
    }
}
