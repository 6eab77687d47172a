//! `cargo xtask bench`: the cost of sessions. The benchmarks are a separate workspace, so that other tasks do not compile
//! the libraries that they measure.

use std::{path::PathBuf, process::Command};

use crate::run::{self, Failure, cargo, workspace};

/// Builds the benchmarks in release mode and runs them. The arguments are passed to the program.
pub(crate) fn run(arguments: Vec<String>) -> Result<(), Failure> {
    run::run(build("sessile-bench", &["--release"]))?;
    run::run(build_peers())?;
    let mut command = program("sessile-bench");
    command.args(arguments);
    run::run(command)
}

/// Counts instructions, and compares them with the recorded numbers.
pub(crate) fn instructions(arguments: Vec<String>) -> Result<(), Failure> {
    run::run(build("sessile-instructions", &["--release"]))?;
    let mut command = program("sessile-instructions");
    command.args(arguments);
    run::run(command)
}

/// Builds a program of the benchmarks in debug mode, and returns its path.
pub(crate) fn debug_build(package: &str) -> Result<PathBuf, Failure> {
    run::run(build(package, &[]))?;
    Ok(workspace().join(TARGET).join("debug").join(package))
}

/// Checks the formatting. The check of the main workspace does not include these.
pub(crate) fn check_format() -> Result<(), Failure> {
    [MANIFEST, PEERS].into_iter().try_for_each(|manifest| {
        run::run(cargo([
            "fmt",
            "--manifest-path",
            manifest,
            "--all",
            "--check",
        ]))
    })
}

const MANIFEST: &str = "bench/Cargo.toml";

/// The servers whose dependencies can't be in one program with those of the others.
const PEERS: &str = "bench/peers/Cargo.toml";

/// The folder of its build, relative to the workspace.
const TARGET: &str = "target/bench";

fn build(package: &str, options: &[&str]) -> Command {
    let mut command = cargo([
        "build",
        "--manifest-path",
        MANIFEST,
        "--target-dir",
        TARGET,
        "--package",
        package,
    ]);
    command.args(options);
    command
}

fn build_peers() -> Command {
    cargo([
        "build",
        "--release",
        "--manifest-path",
        PEERS,
        "--target-dir",
        TARGET,
    ])
}

fn program(name: &str) -> Command {
    let mut command = Command::new(workspace().join(TARGET).join("release").join(name));
    command.current_dir(workspace());
    command
}
