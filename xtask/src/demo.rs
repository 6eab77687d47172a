//! `cargo xtask demo`: the demo application.

use crate::run::{self, Failure, cargo};

pub(crate) fn run(arguments: Vec<String>) -> Result<(), Failure> {
    let mut command = cargo(["run", "--package", "sessile-demo", "--"]);
    command.args(arguments);
    run::run(command)
}
