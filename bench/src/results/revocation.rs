//! How long a session that was ended on one server is still served by another one's near cache.

use serde::{Deserialize, Serialize};

use super::{About, Section};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Revocation {
    pub(crate) about: About,
    /// How many sessions were ended.
    pub(crate) ended: u64,
    /// From the end that one server acknowledged to the first answer of the other one's that has it.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) longest_us: f64,
    /// The same where the other server's connection to Redis is dead without a word: the longest.
    pub(crate) longest_deaf_us: f64,
    /// What was set as the longest that this may take.
    pub(crate) bound_us: f64,
}

impl Section for Revocation {
    const NAME: &'static str = "revocation";
}
