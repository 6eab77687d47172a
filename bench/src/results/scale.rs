//! How the cost of a request grows with the number of sessions.

use serde::{Deserialize, Serialize};

use super::{About, Round, Section, low_quartile};
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
    pub(crate) reads: Vec<Round>,
    pub(crate) changes: Vec<Round>,
    pub(crate) bytes_per_session: f64,
}

impl Section for Scales {
    const NAME: &'static str = "scale";
}

impl Scale {
    pub(crate) fn rounds(&mut self, kind: Kind) -> &mut Vec<Round> {
        match kind {
            Kind::Change => &mut self.changes,
            _ => &mut self.reads,
        }
    }

    pub(crate) fn read_us(&self) -> f64 {
        low_quartile(self.reads.iter().map(|round| round.processor_us))
    }

    pub(crate) fn change_us(&self) -> f64 {
        low_quartile(self.changes.iter().map(|round| round.processor_us))
    }
}

impl Scales {
    /// By how much more a request costs with the most sessions than with the fewest: the worse of reading and changing.
    pub(crate) fn growth(&self, subject: Subject) -> Option<f64> {
        let scales = || self.scales.iter().filter(|scale| scale.subject == subject);
        let few = scales().min_by_key(|scale| scale.sessions)?;
        let many = scales().max_by_key(|scale| scale.sessions)?;
        let (reads, changes) = (
            many.read_us() / few.read_us(),
            many.change_us() / few.change_us(),
        );
        Some(reads.max(changes) - 1.0)
    }

    pub(crate) fn subjects(&self) -> Vec<Subject> {
        let mut subjects: Vec<_> = self.scales.iter().map(|scale| scale.subject).collect();
        subjects.dedup();
        subjects
    }
}
