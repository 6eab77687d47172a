//! Starts and stops the real processes that the tests of this workspace talk to.
//!
//! A test starts the servers that it needs and drops them at its end. Each server has a free port and its own
//! temporary folder:
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
//! * [`Process`] is the guard that every server is built on. It waits until the server is [`Ready`], and can freeze,
//!   kill and restart it. When the test passes or panics, the guard ends the process and removes its folder. When the
//!   test is killed, the process still ends.
//! * [`Chromedriver`] is a browser.
//! * [`redis`] has Redis servers: a single server, one with TLS, a cluster, and a master and a replica with sentinels.
//! * [`postgres`] and [`mariadb`] have database servers, and [`pgbouncer`] has a pooler in front of one.
//! * [`haproxy`] is HAProxy in front of servers that replace each other.
//! * [`proxy`] is a proxy between a client and a server that injects faults and the latency of a network.
//! * [`caching_proxy`] has reverse proxies that cache the responses of the server behind them.
//! * [`free_port`] and [`find_program`] find a port and the program for a new server.
//!
//! If a server does not start, the [`Error`] ends with the last lines of the server's log. All functions block the
//! calling thread.
//!
//! If the tests run as root, database servers run as the user of their package, or as another unprivileged user. Servers
//! that a Debian package starts by itself are not used.
//!
//! To add a server, add a file that builds its command and starts it as a [`Process`] with a [`Ready`] condition, and a
//! row to `xtask/src/packages.rs`.
//!
//! The crate supports Linux only. On other systems it is empty, so that tests that start no server still build.
#![cfg(target_os = "linux")]

mod account;
mod browser;
pub mod caching_proxy;
#[cfg(feature = "tls")]
mod certificates;
pub mod database;
mod error;
pub mod haproxy;
mod log;
pub mod mariadb;
pub mod pgbouncer;
mod poll;
mod port;
pub mod postgres;
mod process;
mod program;
pub mod proxy;
mod ready;
pub mod redis;
mod tree;
mod watchdog;

pub use browser::{Chromedriver, Profile};
pub use error::Error;
pub use port::free_port;
pub use process::Process;
pub use program::find_program;
pub use ready::Ready;
