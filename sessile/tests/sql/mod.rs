//! What holds for the stores on every database server. `crate::engine` says which one this is.

mod addresses;
mod cleanup;
mod cuts;
mod outages;
mod rights;
mod round_trips;
mod secrets;
pub(crate) mod setup;
mod suite;
mod tables;
