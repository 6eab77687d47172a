//! Stores that are chosen by their address: all that there are, on real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod addresses;
mod documentation;
mod place;
#[path = "../shared/races.rs"]
mod race_suite;
mod races;
mod suite;
