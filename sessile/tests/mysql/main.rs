//! The store for MySQL and MariaDB, on real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod conditions;
mod connections;
mod engine;
#[path = "../http/log.rs"]
mod log;
mod own;
mod pair;
#[path = "../shared/races.rs"]
mod race_suite;
#[cfg(feature = "metrics")]
#[path = "../shared/recorded.rs"]
mod recorded;
#[cfg(feature = "metrics")]
#[path = "../shared/recovery.rs"]
mod recovery;
#[path = "../sql/mod.rs"]
mod sql;
#[path = "../shared/subjects.rs"]
mod subject_scenarios;
mod subjects;
mod tls;
