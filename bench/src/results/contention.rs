//! Many writers of one session.

use serde::{Deserialize, Serialize};

use super::{About, Section};
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
    /// How often the server said that it had added one.
    pub(crate) acknowledged: u64,
    /// How often it said that it could not, since too many others were at it.
    pub(crate) refused: u64,
    /// What the counter was then.
    pub(crate) survived: u64,
    /// How often a write had to be made again since another one came first, if the store can tell.
    pub(crate) conflicts: Option<u64>,
    pub(crate) throughput: f64,
    pub(crate) p99_us: f64,
}

impl Section for Contentions {
    const NAME: &'static str = "contention";
}

impl Contention {
    pub(crate) fn lost(&self) -> u64 {
        self.acknowledged.saturating_sub(self.survived)
    }
}
