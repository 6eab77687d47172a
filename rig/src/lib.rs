//! Starts and stops the real processes that the tests of this workspace talk to.
//!
//! A test starts what it needs, on a free port and in a temporary folder of its own, and drops it:
//!
//! ```
//! use std::process::Command;
//! use sessile_rig::{Process, Ready};
//!
//! let mut command = Command::new("sh");
//! command.args(["-c", "echo listening on port 4711; exec sleep 600"]);
//! let server = Process::start(command, Ready::line("listening on"))?;
//!
//! assert_eq!(server.line("listening on").as_deref(), Some("listening on port 4711"));
//! # Ok::<(), sessile_rig::Error>(())
//! ```
//!
//! * [`Process`] is the guard that every server is built on: it waits until the server is [`Ready`],
//!   freezes, kills and restarts it, and leaves nothing behind when it is dropped, whether the test
//!   passes, panics or is killed itself.
//! * [`Chromedriver`] is a browser.
//! * [`redis`] has Redis servers: one alone, one with TLS, a cluster, and a pair watched by sentinels.
//! * [`postgres`] and [`mariadb`] have database servers.
//! * [`proxy`] stands between a client and a server, breaks what goes between them, and delays it like a network.
//! * [`caching_proxy`] has reverse proxies that cache the responses of the server behind them.
//! * [`free_port`] and [`find_program`] are what a new server needs first.
//!
//! A server that does not start is an [`Error`] that ends with the tail of the server's own log.
//! Everything here blocks the calling thread, which in a test is what is wanted.
//!
//! Linux only; elsewhere the crate is empty, so that tests which start nothing still build.
#![cfg(target_os = "linux")]

mod account;
mod browser;
pub mod caching_proxy;
pub mod database;
mod error;
mod leash;
mod log;
pub mod mariadb;
mod poll;
mod port;
pub mod postgres;
mod process;
mod program;
pub mod proxy;
mod ready;
pub mod redis;
mod tree;

pub use browser::Chromedriver;
pub use error::Error;
pub use port::free_port;
pub use process::Process;
pub use program::find_program;
pub use ready::Ready;
