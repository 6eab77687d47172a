//! Sessions of actix-session from real servers, and stores that were written for it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod compat;
mod in_cookies;
mod in_redis;
mod old_stores;
mod servers;
mod visitor;
