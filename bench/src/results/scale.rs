//! How the cost of a request grows with the number of sessions.

use serde::{Deserialize, Serialize};

use super::{About, Rounds, Section, Spread};
use crate::subject::{Kind, Subject};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scales {
    pub(crate) about: About,
    pub(crate) scales: Vec<Scale>,
}

/// One subject with one number of sessions.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Scale {
    pub(crate) subject: Subject,
    pub(crate) sessions: u64,
    pub(crate) reads: Rounds,
    pub(crate) changes: Rounds,
    pub(crate) bytes_per_session: f64,
}

impl Section for Scales {
    const NAME: &'static str = "scale";
}

impl Scale {
    pub(crate) fn rounds(&self, kind: Kind) -> &Rounds {
        match kind {
            Kind::Change => &self.changes,
            _ => &self.reads,
        }
    }
}

impl Scales {
    /// The measurement with the most sessions.
    pub(crate) fn largest(&self, subject: Subject) -> Option<&Scale> {
        self.of(subject).max_by_key(|scale| scale.sessions)
    }

    /// The cost of a request with the most sessions, divided by that with the fewest.
    pub(crate) fn growth(&self, subject: Subject, kind: Kind) -> Option<Spread> {
        let few = self.of(subject).min_by_key(|scale| scale.sessions)?;
        let many = self.largest(subject)?;
        many.rounds(kind).ratio_to(few.rounds(kind))
    }

    fn of(&self, subject: Subject) -> impl Iterator<Item = &Scale> {
        self.scales
            .iter()
            .filter(move |scale| scale.subject == subject)
    }
}
