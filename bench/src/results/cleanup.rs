//! Requests while expired sessions are deleted.

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
    /// The number of expired sessions.
    pub(crate) expired: u64,
    /// How long the deletion took, during requests.
    pub(crate) seconds: f64,
    /// The number of requests that the server refused because its store did not answer in time.
    pub(crate) refused_before: u64,
    pub(crate) refused_during: u64,
    pub(crate) p99_us_before: f64,
    pub(crate) p99_us_during: f64,
}

impl Section for Cleanups {
    const NAME: &'static str = "cleanup";
}

impl Cleanup {
    /// The latency of the slowest requests during the clean-up, divided by that before.
    pub(crate) fn slowdown(&self) -> f64 {
        self.p99_us_during / self.p99_us_before
    }
}
