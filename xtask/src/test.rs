//! `cargo xtask test`: installs missing packages and runs every test.

use crate::{
    packages,
    run::{self, Failure, cargo},
};

/// The argument with which some tests run longer than for a pull request.
const FULL: &str = "--full";

/// The variables that these tests read: the number of sessions in the run with crashes, the number
/// of rounds of concurrent requests, and the explored schedules.
const FULL_SIZES: [(&str, &str); 3] = [
    ("SESSILE_TEST_CRASHES", "100000"),
    ("SESSILE_TEST_ROUNDS", "50"),
    ("SESSILE_TEST_SCHEDULES", "all"),
];

pub(crate) fn run(mut arguments: Vec<String>) -> Result<(), Failure> {
    packages::ensure()?;
    let is_full = arguments.first().is_some_and(|it| it == FULL);
    if is_full {
        arguments.remove(0);
    }
    let mut command = cargo(command_line(&arguments));
    command.envs(FULL_SIZES.into_iter().filter(|_| is_full));
    run::run(command)
}

/// All tests of all crates, unless the arguments name the crates.
fn command_line(arguments: &[String]) -> Vec<&str> {
    let mut line = vec!["test", "--all-features"];
    if !names_a_package(arguments) {
        // With `--workspace`, Cargo would ignore a `--package`.
        line.push("--workspace");
    }
    line.extend(arguments.iter().map(String::as_str));
    line
}

/// Whether the arguments of cargo, which are before `--`, name the crates to test.
fn names_a_package(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| {
            argument == "--package"
                || argument.starts_with("--package=")
                || (argument.starts_with("-p") && !argument.starts_with("--"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_for(arguments: &str) -> String {
        let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        command_line(&arguments).join(" ")
    }

    #[test]
    fn without_arguments_everything_is_tested() {
        assert_eq!(line_for(""), "test --all-features --workspace");
    }

    #[test]
    fn arguments_follow_and_may_select_tests() {
        assert_eq!(
            line_for("renew -- --nocapture"),
            "test --all-features --workspace renew -- --nocapture"
        );
    }

    #[test]
    fn arguments_may_select_crates() {
        for package in [
            "-p sessile",
            "-psessile",
            "--package sessile",
            "--package=sessile",
        ] {
            assert_eq!(line_for(package), format!("test --all-features {package}"));
        }
    }

    #[test]
    fn arguments_after_the_dashes_are_not_those_of_cargo() {
        assert_eq!(line_for("-- -p"), "test --all-features --workspace -- -p");
    }
}
