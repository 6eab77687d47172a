//! The crate as browsers see it: real servers, real sockets, and the exact bytes of every header.

#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod acceptance;
mod bad_cookies;
mod builder;
mod client;
mod errors;
mod extractors;
mod failures;
mod handles;
mod on_demand;
mod races;
mod script;
mod setup;
mod table;
mod watched;
