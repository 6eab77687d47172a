//! What a request costs.

use serde::{Deserialize, Serialize};

use super::{About, Section, low_quartile, median};
use crate::subject::{Kind, Subject};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Requests {
    pub(crate) about: About,
    pub(crate) costs: Vec<Cost>,
    pub(crate) sizes: Vec<Size>,
}

/// What requests of one kind cost one subject.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) subject: Subject,
    pub(crate) kind: Kind,
    pub(crate) rounds: Vec<Round>,
    /// How often the server waits for its store in one request, if its store can tell.
    pub(crate) round_trips: Option<f64>,
}

/// One round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) requests: u64,
    /// Processor time of the server for one request, in microseconds.
    pub(crate) processor_us: f64,
    /// Requests in a second.
    pub(crate) throughput: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

/// What one session takes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) subject: Subject,
    /// In its store.
    pub(crate) stored_bytes: f64,
    /// In the browser, the cookie's name included.
    pub(crate) cookie_bytes: usize,
}

impl Section for Requests {
    const NAME: &'static str = "requests";
}

impl Requests {
    pub(crate) fn cost(&self, subject: Subject, kind: Kind) -> Option<&Cost> {
        self.costs
            .iter()
            .find(|cost| cost.subject == subject && cost.kind == kind)
    }

    /// The processor time of a request, divided by that of the same server without sessions.
    pub(crate) fn ratio(&self, subject: Subject, kind: Kind) -> Option<f64> {
        self.ratio_to(subject, kind, subject.baseline())
    }

    /// The processor time of a request, divided by what it takes another subject.
    pub(crate) fn ratio_to(&self, subject: Subject, kind: Kind, other: Subject) -> Option<f64> {
        let cost = self.cost(subject, kind)?.processor_us();
        Some(cost / self.cost(other, kind)?.processor_us())
    }
}

impl Cost {
    /// That of the rounds in which the machine did little else, and no single lucky one.
    pub(crate) fn processor_us(&self) -> f64 {
        low_quartile(self.rounds.iter().map(|round| round.processor_us))
    }

    /// The median of the rounds.
    pub(crate) fn median(&self, what: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(subject: Subject, processor: &[f64]) -> Cost {
        let round = |&processor_us| Round {
            requests: 1,
            processor_us,
            throughput: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
            p999_us: 1.0,
        };
        Cost {
            subject,
            kind: Kind::Read,
            rounds: processor.iter().map(round).collect(),
            round_trips: None,
        }
    }

    #[test]
    fn a_ratio_is_that_of_the_cheapest_rounds() {
        let requests = Requests {
            about: About::default(),
            costs: vec![
                cost(Subject::Bare, &[12.0, 10.0]),
                cost(Subject::Memory, &[15.0, 30.0]),
                cost(Subject::TowerMemory, &[60.0]),
            ],
            sizes: Vec::new(),
        };

        let ratio = |subject| requests.ratio(subject, Kind::Read);
        assert_eq!(ratio(Subject::Memory), Some(1.5));
        assert_eq!(ratio(Subject::Bare), Some(1.0));
        // Its own baseline, axum, was not measured.
        assert_eq!(ratio(Subject::TowerMemory), None);
        assert_eq!(
            requests.ratio_to(Subject::Memory, Kind::Read, Subject::TowerMemory),
            Some(0.25)
        );
        assert_eq!(requests.ratio(Subject::Memory, Kind::Change), None);
    }
}
