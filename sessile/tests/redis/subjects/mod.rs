//! The sessions of users: found, limited and ended, on every kind of Redis.

mod broken_off;
mod commands;
mod end_all;
mod entries;
mod interleaved;
mod limits;
mod near_cache;
mod rules;
pub(crate) mod scene;
mod suite;
