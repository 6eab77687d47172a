//! The PostgreSQL store, on real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod engine;
mod own;
#[path = "../sql/mod.rs"]
mod sql;
