//! `cargo xtask bench`: what sessions cost. The benchmarks are a workspace of their own, so that other tasks
//! do not compile what they measure.

use std::process::Command;

use crate::run::{self, Failure, cargo, workspace};

/// Builds as a user would, and measures. The arguments go to the program.
pub(crate) fn run(arguments: Vec<String>) -> Result<(), Failure> {
    run::run(build("sessile-bench"))?;
    let mut command = program("sessile-bench");
    command.args(arguments);
    run::run(command)
}

/// Counts instructions, and compares them with the numbers that were kept.
pub(crate) fn instructions(arguments: Vec<String>) -> Result<(), Failure> {
    run::run(build("sessile-instructions"))?;
    let mut command = program("sessile-instructions");
    command.args(arguments);
    run::run(command)
}

/// Checks the formatting, which that of the workspace leaves out.
pub(crate) fn check_format() -> Result<(), Failure> {
    run::run(cargo([
        "fmt",
        "--manifest-path",
        MANIFEST,
        "--all",
        "--check",
    ]))
}

const MANIFEST: &str = "bench/Cargo.toml";

/// Where it is built, from the workspace's folder.
const TARGET: &str = "target/bench";

fn build(package: &str) -> Command {
    cargo([
        "build",
        "--release",
        "--manifest-path",
        MANIFEST,
        "--target-dir",
        TARGET,
        "--package",
        package,
    ])
}

fn program(name: &str) -> Command {
    let mut command = Command::new(workspace().join(TARGET).join("release").join(name));
    command.current_dir(workspace());
    command
}
