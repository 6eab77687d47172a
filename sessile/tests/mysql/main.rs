//! The store for MySQL and MariaDB, on real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod conditions;
mod connections;
mod engine;
mod own;
#[path = "../shared/races.rs"]
mod race_suite;
#[path = "../sql/mod.rs"]
mod sql;
#[path = "../shared/subjects.rs"]
mod subject_scenarios;
mod subjects;
mod tls;
