//! How long the near cache of one server serves a session that another server has ended.

use serde::{Deserialize, Serialize};

use super::{About, Section};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) about: About,
    /// The number of sessions that were ended.
    pub(crate) ended: u64,
    /// The time from the acknowledged end on one server to the first load of the other one that shows it.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) longest_us: f64,
    /// The longest such time if the other server's connection to Redis broke silently.
    pub(crate) longest_deaf_us: f64,
    /// The bound that was set.
    pub(crate) bound_us: f64,
}

impl Section for Revocation {
    const NAME: &'static str = "revocation";
}
