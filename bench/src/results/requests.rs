//! The cost of a request.

use serde::{Deserialize, Serialize};

use super::{About, Rounds, Section, Spread};
use crate::subject::{Kind, Subject};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Requests {
    pub(crate) about: About,
    pub(crate) costs: Vec<Cost>,
    pub(crate) footprints: Vec<Footprint>,
}

/// The cost of requests of one kind to one subject.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) subject: Subject,
    pub(crate) kind: Kind,
    pub(crate) rounds: Rounds,
    /// The number of round trips to the store in one request, if the store counts them.
    pub(crate) round_trips: Option<f64>,
}

/// The size of one session.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Footprint {
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
    pub(crate) fn ratio(&self, subject: Subject, kind: Kind) -> Option<Spread> {
        self.cost(subject, kind)?.rounds.ratio()
    }

    /// The processor time of a request, divided by what it takes another subject.
    pub(crate) fn ratio_to(&self, subject: Subject, kind: Kind, other: Subject) -> Option<Spread> {
        let other = self.cost(other, kind)?;
        self.cost(subject, kind)?.rounds.ratio_to(&other.rounds)
    }

    /// The peer of a subject that costs least, each divided by its own server without sessions.
    pub(crate) fn best_peer(&self, subject: Subject, kind: Kind) -> Option<(Subject, Spread)> {
        let ratio = |&peer: &Subject| Some((peer, self.ratio(peer, kind)?));
        let peers = subject.peers().iter().filter_map(ratio);
        peers.min_by(|(_, one), (_, other)| one.median.total_cmp(&other.median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Pair, Slice};

    fn cost(subject: Subject, baseline_us: f64, processor_us: f64) -> Cost {
        let slice = Slice {
            requests: 1,
            processor_us,
            throughput: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
        };
        Cost {
            subject,
            kind: Kind::Read,
            rounds: Rounds(vec![Pair { baseline_us, slice }]),
            round_trips: None,
        }
    }

    #[test]
    fn the_best_peer_is_the_cheapest_next_to_its_own_server() {
        let requests = Requests {
            about: About::default(),
            costs: vec![
                cost(Subject::Redis, 10.0, 20.0),
                cost(Subject::ActixRedis, 10.0, 30.0),
                cost(Subject::TowerRedis, 20.0, 40.0),
            ],
            footprints: Vec::new(),
        };

        assert_eq!(
            requests.best_peer(Subject::Redis, Kind::Read),
            Some((Subject::TowerRedis, Spread::single(2.0)))
        );
        assert_eq!(requests.best_peer(Subject::Redis, Kind::Change), None);
        assert_eq!(requests.best_peer(Subject::Sqlite, Kind::Read), None);
        assert_eq!(
            requests.ratio_to(Subject::Redis, Kind::Read, Subject::TowerRedis),
            Some(Spread::single(0.5))
        );
    }
}
