//! A small site that shows what `sessile` does: a visit counter, signing in and out, messages that
//! survive a redirect, and parallel requests that don't lose each other's writes.
//!
//! `cargo run -p sessile-demo` serves it on <http://127.0.0.1:8080>; `--help` lists the settings.

mod accounts;
mod app;
mod config;
mod guards;
mod names;
mod pages;
mod schema;
mod secret_key;
mod server;

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

/// `RUST_LOG` chooses what is logged, `info` and above by default.
/// Standard output is left to the address.
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

/// What went wrong and, line by line, why. A cause that its effect tells already isn't told again.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let told = cause.to_string();
        if !text.ends_with(&told) {
            text.push_str("\n  because: ");
            text.push_str(&told);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the kettle is cold")]
    struct Cold(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("no tea: {0}")]
    struct NoTea(#[source] Cold);

    #[test]
    fn every_cause_is_told_once() {
        let error = Cold(std::io::Error::other("no water"));
        let text = "the kettle is cold\n  because: no water";
        assert_eq!(with_causes(&error), text);
        assert_eq!(with_causes(&NoTea(error)), format!("no tea: {text}"));
    }
}
