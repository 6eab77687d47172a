//! Every store, opened by its address, on real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod addresses;
mod documentation;
#[path = "../http/log.rs"]
mod log;
mod moving;
mod place;
#[path = "../shared/races.rs"]
mod race_suite;
mod races;
mod reminder;
mod revocations;
#[path = "../shared/subjects.rs"]
mod subject_scenarios;
mod subjects;
mod suite;
