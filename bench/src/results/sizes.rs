//! The cost of a session in the cookie, for states of different sizes.

use serde::{Deserialize, Serialize};

use super::{About, Rounds, Section, Spread};
use crate::subject::{Kind, Subject};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sizes {
    pub(crate) about: About,
    pub(crate) costs: Vec<SizeCost>,
}

/// One kind of request of one subject, with a state of one size.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SizeCost {
    pub(crate) subject: Subject,
    pub(crate) kind: Kind,
    /// Of the state, as JSON.
    pub(crate) bytes: usize,
    /// Of the cookie, its name included.
    pub(crate) cookie_bytes: usize,
    pub(crate) rounds: Rounds,
}

impl Section for Sizes {
    const NAME: &'static str = "sizes";
}

impl Sizes {
    pub(crate) fn cost(&self, subject: Subject, kind: Kind, bytes: usize) -> Option<&SizeCost> {
        self.costs
            .iter()
            .find(|it| (it.subject, it.kind, it.bytes) == (subject, kind, bytes))
    }

    /// The processor time of a request, divided by what it takes another subject.
    pub(crate) fn ratio_to(
        &self,
        subject: Subject,
        kind: Kind,
        bytes: usize,
        other: Subject,
    ) -> Option<Spread> {
        let other = self.cost(other, kind, bytes)?;
        let cost = self.cost(subject, kind, bytes)?;
        cost.rounds.ratio_to(&other.rounds)
    }

    /// The sizes that were measured, in ascending order.
    pub(crate) fn bytes(&self) -> Vec<usize> {
        let mut bytes: Vec<_> = self.costs.iter().map(|cost| cost.bytes).collect();
        bytes.sort_unstable();
        bytes.dedup();
        bytes
    }
}
