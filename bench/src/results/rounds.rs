//! Slices of time, each paired with one of the baseline.

use serde::{Deserialize, Serialize};

use super::Spread;

/// Requests of one kind to one server, for a short time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slice {
    pub(crate) requests: u64,
    /// Processor time of the server for one request, in microseconds.
    pub(crate) processor_us: f64,
    /// Requests in a second.
    pub(crate) throughput: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// A slice of a subject, and the cost of a request to its baseline in the slice right before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) baseline_us: f64,
    pub(crate) slice: Slice,
}

/// One pair for each round. The machine may be twice as slow in one round as in the next, but hardly between the two
/// slices of a pair.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Rounds(pub(crate) Vec<Pair>);

impl Rounds {
    /// The processor time of a request, divided by that of the baseline.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        let ratio = |pair: &Pair| pair.slice.processor_us / pair.baseline_us;
        Spread::of(self.0.iter().map(ratio))
    }

    /// The processor time of a request, divided by what it takes another subject in the same round.
    pub(crate) fn ratio_to(&self, other: &Self) -> Option<Spread> {
        let rounds = self.0.iter().zip(&other.0);
        let ratio =
            |(ours, theirs): (&Pair, &Pair)| ours.slice.processor_us / theirs.slice.processor_us;
        Spread::of(rounds.map(ratio))
    }

    /// The processor time of a request, in microseconds.
    pub(crate) fn processor_us(&self) -> Option<f64> {
        self.median(|slice| slice.processor_us)
    }

    /// The median of the rounds.
    pub(crate) fn median(&self, what: impl Fn(&Slice) -> f64) -> Option<f64> {
        let slices = self.0.iter().map(|pair| what(&pair.slice));
        Spread::of(slices).map(|spread| spread.median)
    }
}

#[cfg(test)]
impl Rounds {
    /// Rounds with these processor times of the baseline and of the subject.
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Self {
        let pair = |&(baseline_us, processor_us)| Pair {
            baseline_us,
            slice: Slice {
                requests: 1,
                processor_us,
                throughput: 1.0,
                p50_us: 1.0,
                p99_us: 1.0,
            },
        };
        Self(pairs.iter().map(pair).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_of_a_pair_however_slow_its_round() {
        let rounds = Rounds::of(&[(10.0, 12.0), (20.0, 24.0), (10.0, 13.0)]);

        let ratio = rounds.ratio().unwrap();

        assert_eq!((ratio.median, ratio.upper), (1.2, 1.25));
        assert_eq!(rounds.processor_us(), Some(13.0));
    }

    #[test]
    fn another_subject_is_compared_round_by_round() {
        let ours = Rounds::of(&[(10.0, 12.0), (20.0, 24.0)]);
        let theirs = Rounds::of(&[(9.0, 24.0), (18.0, 48.0)]);

        assert_eq!(ours.ratio_to(&theirs), Some(Spread::single(0.5)));
    }

    #[test]
    fn without_rounds_there_is_no_ratio() {
        assert_eq!(Rounds::of(&[]).ratio(), None);
        assert_eq!(Rounds::of(&[]).ratio_to(&Rounds::of(&[(1.0, 1.0)])), None);
        assert_eq!(Rounds::of(&[]).processor_us(), None);
    }
}
