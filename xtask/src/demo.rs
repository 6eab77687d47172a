//! `cargo xtask demo`: the demo application. `cargo xtask screenshot`: its picture in the README.

use crate::{
    packages,
    run::{self, Failure, cargo, workspace},
};

pub(crate) fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let mut command = cargo(["run", "--package", "sessile-demo", "--"]);
    command.args(arguments);
    run::run(command)
}

/// Runs the test that takes the picture, which writes it to the file in this variable.
pub(crate) fn screenshot() -> Result<(), Failure> {
    packages::ensure()?;
    let mut command = cargo([
        "test",
        "--package=sessile-demo",
        "--all-features",
        "--test=e2e",
        "the_readme_has_a_screenshot",
    ]);
    command.env("SESSILE_SCREENSHOT", workspace().join("docs/demo.png"));
    run::run(command)
}
