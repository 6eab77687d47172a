//! A small site that shows the features of `sessile`: concurrent requests that lose no writes, the devices of a user,
//! "remember me", a sensitive action, timeouts, and a store that fails.
//!
//! `cargo run -p sessile-demo` serves it on <http://127.0.0.1:8080>; `--help` lists the settings. [`site`] has the settings
//! of the sessions, [`app`] the routes, and [`pages`] one file for each page.

mod accounts;
mod app;
mod browser;
mod certificate;
mod config;
mod headers;
mod names;
mod pages;
mod private_file;
mod schema;
mod secret_key;
mod server;
mod site;
mod stores;
mod throttle;

use std::{
    error::Error,
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use clap::Parser as _;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::config::{Command, Config};

#[actix_web::main]
async fn main() -> ExitCode {
    let config = Config::parse();
    if let Some(Command::Schema { database }) = config.command {
        print!("{}", schema::sql(database));
        return ExitCode::SUCCESS;
    }
    log_to_stderr();
    match server::run(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// Logs to the standard error, because the standard output has only the address.
///
/// `RUST_LOG` sets the levels. The default is `info`.
fn log_to_stderr() {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}

/// Formats an error with its causes, one per line. A cause that the line before ends with is omitted.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let message = cause.to_string();
        if !text.ends_with(&message) {
            text.push_str("\n  because: ");
            text.push_str(&message);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file is unreadable")]
    struct Unreadable(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("no settings: {0}")]
    struct NoSettings(#[source] Unreadable);

    #[test]
    fn every_cause_is_shown_once() {
        let error = Unreadable(std::io::Error::other("permission denied"));
        let text = "the file is unreadable\n  because: permission denied";
        assert_eq!(with_causes(&error), text);
        assert_eq!(
            with_causes(&NoSettings(error)),
            format!("no settings: {text}")
        );
    }
}
