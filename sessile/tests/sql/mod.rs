//! What holds for the stores on every database server. `crate::engine` says which one this is, and
//! `crate::conditions` what it may have to work under.

mod addresses;
mod apps;
mod cleanup;
mod clocks;
mod counting;
mod cuts;
mod full_disk;
mod kills;
mod outages;
mod races;
mod rights;
mod round_trips;
mod secrets;
pub(crate) mod setup;
mod suite;
mod tables;
mod timeouts;
