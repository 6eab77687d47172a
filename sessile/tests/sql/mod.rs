//! Tests for the stores on every database server. `crate::engine` has what differs between servers, and
//! `crate::conditions` has the conditions that they run under.

mod addresses;
mod administration;
mod apps;
mod cleanup;
mod clocks;
mod contract;
mod counting;
mod credentials;
mod cuts;
pub(crate) mod failover;
mod full_disk;
mod isolation;
pub(crate) mod kills;
#[cfg(feature = "metrics")]
mod metrics;
mod outages;
mod races;
mod rights;
mod round_trips;
mod secrets;
pub(crate) mod setup;
mod subject_costs;
mod subjects;
mod suite;
mod tables;
pub(crate) mod timeouts;
