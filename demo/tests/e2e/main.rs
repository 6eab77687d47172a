//! Tests of the demo as a program, over HTTP and in a browser.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy recognizes tests by their attribute, but not their helpers

mod browser;
mod cli;
mod forms;
mod http;
mod kill;
mod outage;
mod races;
mod site;
mod stores;
mod users;
mod visitor;
