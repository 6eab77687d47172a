//! The actors, on a real Redis and in servers with several workers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod administration;
mod outages;
mod races;
mod requests;
mod server;
mod setup;
mod subjects;
mod suite;
