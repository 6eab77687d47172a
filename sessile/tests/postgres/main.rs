//! The PostgreSQL store, on real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod conditions;
mod engine;
mod haproxy;
#[path = "../http/log.rs"]
mod log;
mod own;
mod pair;
mod pipeline;
mod pooler;
#[path = "../shared/races.rs"]
mod race_suite;
mod read_only;
#[cfg(feature = "metrics")]
#[path = "../shared/recorded.rs"]
mod recorded;
#[cfg(feature = "metrics")]
#[path = "../shared/recovery.rs"]
mod recovery;
#[path = "../sql/mod.rs"]
mod sql;
mod sqlx_pool;
#[path = "../shared/subjects.rs"]
mod subject_scenarios;
mod subjects;
mod tls;
