//! The middleware behind web servers that cache: no cache serves one visitor's page or session to another.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed assertion of a test")]

mod app;
mod checks;
mod controls;
mod headers;
mod matrix;
mod passing;
#[path = "../shared/server.rs"]
mod server;
mod setup;
mod uses;
mod visitor;
