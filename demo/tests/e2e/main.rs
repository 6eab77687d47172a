//! The demo as its users meet it: the real program, over HTTP and in a real browser.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // clippy knows tests from their attribute, and not the helpers beside them

mod browser;
mod cli;
mod http;
mod kill;
mod site;
mod stores;
