//! Counts the instructions of opening and committing a session, and compares them with the recorded numbers, so that a
//! change that makes requests more expensive is noticed.
//!
//! Time depends on the machine and its load. Instructions under valgrind hardly do. They do not measure speed:
//! `cargo xtask bench` does.

mod baseline;
mod callgrind;
mod scenario;

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use baseline::{Baseline, Verdict};
use scenario::Scenario;

#[derive(Parser)]
#[command(
    name = "cargo xtask instructions",
    bin_name = "cargo xtask instructions"
)]
/// Counts the instructions of a request, and compares them with the recorded numbers.
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Record the numbers.
    #[arg(long)]
    update: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario this many times. This runs under valgrind.
    #[command(hide = true)]
    Run { scenario: Scenario, times: u32 },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse() {
        Cli {
            command: Some(Command::Run { scenario, times }),
            ..
        } => scenario.run(times).map(|()| ExitCode::SUCCESS),
        Cli { update: true, .. } => update(),
        Cli { .. } => compare(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("instructions: {error:#}");
        ExitCode::FAILURE
    })
}

fn file() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.toml"))
}

fn update() -> anyhow::Result<ExitCode> {
    let counted = count()?;
    counted.save(file())?;
    println!("recorded in {}", file().display());
    Ok(ExitCode::SUCCESS)
}

fn compare() -> anyhow::Result<ExitCode> {
    let kept = Baseline::load(file())?;
    let counted = count()?;
    if !kept.is_comparable_to(&counted) {
        println!(
            "The recorded numbers are of {}, and this is {}: nothing is compared.",
            kept.compiler, counted.compiler
        );
        return Ok(ExitCode::SUCCESS);
    }
    let mut verdicts = Vec::new();
    for (name, verdict) in kept.compare(&counted) {
        println!("{name:20} {verdict}");
        verdicts.push(verdict);
    }
    if verdicts.iter().all(Verdict::is_fine) {
        return Ok(ExitCode::SUCCESS);
    }
    println!("If the change is worth it: cargo xtask instructions --update");
    Ok(ExitCode::FAILURE)
}

fn count() -> anyhow::Result<Baseline> {
    let mut counted = Baseline::empty()?;
    for scenario in Scenario::all() {
        let instructions = callgrind::count(*scenario)
            .with_context(|| format!("can't count `{}`", scenario.name()))?;
        println!("{:20} {instructions:>8}", scenario.name());
        counted.instructions.insert(scenario.name(), instructions);
    }
    Ok(counted)
}
