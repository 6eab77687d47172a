//! The Redis store, on real servers: a single server, a pool, a cluster, a master with sentinels, and TLS.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod administration;
mod answers;
mod bad_input;
mod cluster;
mod haproxy;
#[path = "../http/log.rs"]
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod near_cache;
mod operation;
mod outages;
#[path = "../shared/races.rs"]
mod race_suite;
mod races;
#[cfg(feature = "metrics")]
#[path = "../shared/recorded.rs"]
mod recorded;
#[cfg(feature = "metrics")]
#[path = "../shared/recovery.rs"]
mod recovery;
mod requests;
mod round_trips;
mod sentinel;
mod setup;
#[path = "../shared/subjects.rs"]
mod subject_scenarios;
mod subjects;
mod suite;
#[cfg(feature = "_redis-tls")]
mod tls;
