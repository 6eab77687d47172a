//! The latency of responses.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A minute, in nanoseconds. Longer latencies count as this.
const LONGEST: u64 = 60_000_000_000;

/// Latencies, to three digits.
#[derive(Clone)]
pub(crate) struct Timing {
    nanoseconds: Histogram<u64>,
}

impl Timing {
    pub(crate) fn new() -> Self {
        let nanoseconds = Histogram::new_with_max(LONGEST, 3).expect("three digits are supported");
        Self { nanoseconds }
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.saturating_record(nanoseconds);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.nanoseconds.len()
    }

    /// The latency in microseconds that this part of the requests did not exceed, for example 0.99.
    #[expect(clippy::cast_precision_loss, reason = "three digits are kept anyway")]
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        self.nanoseconds.value_at_quantile(part) as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut timing = Timing::new();
        for microseconds in 1..=1000 {
            timing.record(Duration::from_micros(microseconds));
        }

        assert_eq!(timing.requests(), 1000);
        for (part, expected) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let found = timing.quantile(part);
            assert!(
                (found - expected).abs() < expected / 500.0,
                "{part}: {found}"
            );
        }
    }
}
