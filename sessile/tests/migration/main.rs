//! Sessions that `actix-session` made, taken over: real ones, by way of real servers.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod in_cookies;
mod in_redis;
mod servers;
mod visitor;
