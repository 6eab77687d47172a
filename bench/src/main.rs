//! The cost of sessions, of sessile and of other libraries, with the same handlers.
//!
//! `cargo xtask bench` builds and runs this program. A subject (`subject.rs`) is a server of one kind, which this
//! program runs as a process (`serve/`). Visitors (`load/`) send requests to it over real connections, and check
//! every response. The cost is measured (`measure/`), kept as JSON (`results/`), and reported as a page with a chart
//! (`report/`).

mod cli;
mod load;
mod measure;
mod report;
mod results;
mod serve;
mod subject;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use measure::Part;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sessile-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(Cli { command, effort }: Cli) -> anyhow::Result<()> {
    let parts: &[Part] = match command {
        Some(Command::Serve(options)) => return serve::run(&options),
        Some(Command::Report) => return report::write(),
        Some(Command::Requests) => &[Part::Requests],
        Some(Command::Scale) => &[Part::Scale],
        Some(Command::Contention) => &[Part::Contention],
        Some(Command::Latency) => &[Part::Latency],
        Some(Command::Sizes) => &[Part::Sizes],
        Some(Command::Cleanup) => &[Part::Cleanup],
        Some(Command::Revocation) => &[Part::Revocation],
        None => Part::ALL,
    };
    measure::run(parts, &effort)?;
    if command.is_none() {
        report::write()
    } else {
        Ok(())
    }
}
