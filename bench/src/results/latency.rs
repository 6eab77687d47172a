//! Requests with a network between the server and its store.

use serde::{Deserialize, Serialize};

use super::{About, Contention, Section, Spread};
use crate::subject::{Kind, Subject};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Latencies {
    pub(crate) about: About,
    pub(crate) round_trip_us: f64,
    pub(crate) visits: Vec<DistantVisits>,
    pub(crate) contentions: Vec<Contention>,
}

/// Requests of one kind to one subject.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DistantVisits {
    pub(crate) subject: Subject,
    pub(crate) kind: Kind,
    pub(crate) rounds: Vec<DistantRound>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DistantRound {
    /// The number of requests that the server refused because its store did not answer in time.
    pub(crate) refused: u64,
    /// Requests in a second.
    pub(crate) throughput: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Section for Latencies {
    const NAME: &'static str = "latency";
}

impl DistantVisits {
    /// The median of the rounds.
    pub(crate) fn median(&self, what: impl Fn(&DistantRound) -> f64) -> Option<f64> {
        Spread::of(self.rounds.iter().map(what)).map(|spread| spread.median)
    }

    pub(crate) fn refused(&self) -> u64 {
        self.rounds.iter().map(|round| round.refused).sum()
    }
}
