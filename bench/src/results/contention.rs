//! Many writers of one session.

use serde::{Deserialize, Serialize};

use super::{About, Section, Spread};
use crate::subject::Subject;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contentions {
    pub(crate) about: About,
    pub(crate) contentions: Vec<Contention>,
}

/// One subject with one number of writers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contention {
    pub(crate) subject: Subject,
    pub(crate) writers: usize,
    pub(crate) rounds: Vec<Writes>,
}

/// The writes of one round, all of one session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Writes {
    /// Increments that the server acknowledged.
    pub(crate) acknowledged: u64,
    /// Increments that the server refused with 503.
    pub(crate) refused: u64,
    /// The counter after the round.
    pub(crate) survived: u64,
    /// The updates that the server sent to its store, if it counts them.
    pub(crate) counted: Option<Counted>,
    pub(crate) throughput: f64,
    pub(crate) p99_us: f64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// The number of updates that were sent.
    pub(crate) updates: u64,
    /// Updates whose version was outdated.
    pub(crate) conflicts: u64,
}

impl Section for Contentions {
    const NAME: &'static str = "contention";
}

impl Contention {
    pub(crate) fn find(all: &[Self], subject: Subject, writers: usize) -> Option<&Self> {
        all.iter()
            .find(|it| it.subject == subject && it.writers == writers)
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.rounds.iter().map(|round| round.acknowledged).sum()
    }

    pub(crate) fn refused(&self) -> u64 {
        self.rounds.iter().map(|round| round.refused).sum()
    }

    pub(crate) fn lost(&self) -> u64 {
        let lost = |round: &Writes| round.acknowledged.saturating_sub(round.survived);
        self.rounds.iter().map(lost).sum()
    }

    /// The updates and conflicts of all rounds.
    pub(crate) fn counted(&self) -> Option<Counted> {
        let rounds = self.rounds.iter().map(|round| round.counted);
        rounds.reduce(|sum, round| {
            let (sum, round) = (sum?, round?);
            Some(Counted {
                updates: sum.updates + round.updates,
                conflicts: sum.conflicts + round.conflicts,
            })
        })?
    }

    /// The number of updates of the store for one acknowledged write. It is less than one if writes
    /// share an update.
    #[expect(clippy::cast_precision_loss, reason = "far below 2⁵²")]
    pub(crate) fn updates_per_write(&self) -> Option<f64> {
        Some(self.counted()?.updates as f64 / self.acknowledged() as f64)
    }

    pub(crate) fn throughput(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.throughput))
    }

    pub(crate) fn p99_us(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(|round| round.p99_us))
    }

    /// The ratio of this subject to another one in the same rounds.
    pub(crate) fn ratio_to(&self, other: &Self, what: impl Fn(&Writes) -> f64) -> Option<Spread> {
        let rounds = self.rounds.iter().zip(&other.rounds);
        Spread::of(rounds.map(|(ours, theirs)| what(ours) / what(theirs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contention(rounds: &[(u64, u64, u64)]) -> Contention {
        let round = |&(acknowledged, survived, updates)| Writes {
            acknowledged,
            refused: 1,
            survived,
            counted: Some(Counted {
                updates,
                conflicts: 2,
            }),
            throughput: 10.0,
            p99_us: 1.0,
        };
        Contention {
            subject: Subject::Redis,
            writers: 10,
            rounds: rounds.iter().map(round).collect(),
        }
    }

    #[test]
    fn a_write_that_is_lost_in_one_round_counts_as_lost() {
        // A refused write that was stored all the same does not replace a lost one.
        let contention = contention(&[(100, 99, 5), (100, 101, 5)]);

        assert_eq!(contention.lost(), 1);
        assert_eq!(contention.refused(), 2);
        assert_eq!(contention.acknowledged(), 200);
    }

    #[test]
    fn updates_are_divided_by_the_writes_that_share_them() {
        let mut contention = contention(&[(100, 100, 10), (300, 300, 30)]);

        assert_eq!(contention.updates_per_write(), Some(0.1));
        assert_eq!(contention.counted().unwrap().conflicts, 4);

        contention.rounds[1].counted = None;
        assert_eq!(contention.updates_per_write(), None);
    }

    #[test]
    fn another_subject_is_compared_round_by_round() {
        let mut ours = contention(&[(1, 1, 1), (1, 1, 1)]);
        let theirs = contention(&[(1, 1, 1), (1, 1, 1)]);
        ours.rounds[1].throughput = 20.0;

        let ratio = ours.ratio_to(&theirs, |writes| writes.throughput).unwrap();

        assert_eq!((ratio.lower, ratio.median, ratio.upper), (1.25, 1.5, 1.75));
    }
}
