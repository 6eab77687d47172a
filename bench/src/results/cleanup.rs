//! Requests while sessions that have ended are deleted.

use serde::{Deserialize, Serialize};

use super::{About, Section};
use crate::subject::Subject;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cleanups {
    pub(crate) about: About,
    pub(crate) cleanups: Vec<Cleanup>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cleanup {
    pub(crate) subject: Subject,
    /// How many sessions had ended.
    pub(crate) expired: u64,
    /// How long it took to delete them, with requests all the while.
    pub(crate) seconds: f64,
    /// How many requests the server refused, since its store did not answer in time.
    pub(crate) refused_before: u64,
    pub(crate) refused_during: u64,
    pub(crate) p99_us_before: f64,
    pub(crate) p99_us_during: f64,
}

impl Section for Cleanups {
    const NAME: &'static str = "cleanup";
}

impl Cleanup {
    /// How many times as long the slowest requests take meanwhile.
    pub(crate) fn slowdown(&self) -> f64 {
        self.p99_us_during / self.p99_us_before
    }
}
