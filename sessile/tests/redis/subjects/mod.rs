//! The sessions of users: found, limited and ended, on every kind of Redis.

mod broken_off;
mod commands;
mod entries;
mod interleaved;
mod near_cache;
mod rules;
mod scenarios;
pub(crate) mod scene;
mod suite;
