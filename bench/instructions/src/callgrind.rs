//! Running a scenario under valgrind.

use std::{env, io, process::Command};

use anyhow::{Context as _, bail, ensure};

use crate::scenario::Scenario;

/// The number of runs of a scenario that do not count, and of those that do. The instructions of starting and ending
/// cancel out.
const BEFORE: u32 = 200;
const COUNTED: u32 = 1000;

/// The number of instructions of one run.
pub(crate) fn count(scenario: Scenario) -> anyhow::Result<u64> {
    let before = total(scenario, BEFORE)?;
    let after = total(scenario, BEFORE + COUNTED)?;
    Ok(after.saturating_sub(before) / u64::from(COUNTED))
}

fn total(scenario: Scenario, times: u32) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", &scenario.name(), &times.to_string()])
        .output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("there is no valgrind: install the Debian package `valgrind`")
        }
        output => output.context("can't run valgrind")?,
    };
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the scenario failed under valgrind:\n{log}"
    );
    collected(&log).with_context(|| format!("the output of valgrind has no number:\n{log}"))
}

/// The number in valgrind's line `==4711== Collected : 123456`.
fn collected(log: &str) -> Option<u64> {
    let mut numbers = log
        .lines()
        .filter_map(|line| line.split_once("Collected : "));
    numbers.next()?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_the_log() {
        let log =
            "==7== Callgrind\n==7== \n==7== Events    : Ir\n==7== Collected : 123456\n==7== \n";

        assert_eq!(collected(log), Some(123_456));
        assert_eq!(collected("==7== Callgrind\n"), None);
    }
}
