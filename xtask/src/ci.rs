//! `cargo xtask ci`: the checks besides the tests. The cheapest steps are first.

use std::{fs, time::Instant};

use crate::{
    bench, checks, code, examples, features, packages, readme,
    run::{self, Failure, cargo, workspace},
    security, suites, words,
};

pub(crate) fn run() -> Result<(), Failure> {
    step("packages", packages::ensure)?;
    step("readme", check_readme)?;
    step("examples", || {
        examples::check(workspace()).map_err(Failure::Check)
    })?;
    step("words", words::check)?;
    step("security page", security::check)?;
    step("code", code::check)?;
    step("format", check_format)?;
    step("format of the benchmark", bench::check_format)?;
    step(
        "engine without actix",
        features::check_engine_is_free_of_actix,
    )?;
    step("lints", lint)?;
    for &combination in features::COMBINATIONS {
        let name = if combination.is_empty() {
            "none"
        } else {
            combination
        };
        step(&format!("features: {name}"), || {
            features::check(combination)
        })?;
    }
    step("checks", checks::run)?;
    step("documentation", document)?;
    step("suites", suites::run)?;
    step("instructions", || bench::instructions(Vec::new()))
}

/// Runs a step, and prints its name and its duration.
fn step(name: &str, work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    println!("==> {name}");
    let begun = Instant::now();
    let outcome = work();
    let seconds = begun.elapsed().as_secs_f32();
    match outcome {
        Ok(()) => {
            println!("    {name}: passed in {seconds:.1} s");
            Ok(())
        }
        Err(failure) => Err(Failure::Check(format!(
            "step `{name}` failed after {seconds:.1} s: {failure}"
        ))),
    }
}

fn check_readme() -> Result<(), Failure> {
    let readme = fs::read_to_string(workspace().join("README.md"))
        .map_err(|error| Failure::Check(format!("can't read README.md: {error}")))?;
    readme::check(&readme).map_err(Failure::Check)
}

/// Checks the formatting of the workspace and of the packages that can't be its members.
fn check_format() -> Result<(), Failure> {
    run::run(cargo([
        "fmt",
        "--all",
        "--check",
        "--",
        "actix-session/lib.rs",
        suites::PROGRAM,
    ]))
}

fn lint() -> Result<(), Failure> {
    run::run(cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny=warnings",
    ]))
}

fn document() -> Result<(), Failure> {
    let mut command = cargo(["doc", "--workspace", "--all-features", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "--deny=warnings");
    run::run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_failed_step() {
        let failure = step("lints", || Err(Failure::Check("two warnings".into()))).unwrap_err();

        let text = failure.to_string();
        assert!(text.starts_with("step `lints` failed after "), "{text}");
        assert!(text.ends_with("two warnings"), "{text}");
    }

    #[test]
    fn a_passed_step_passes() {
        assert!(step("nothing", || Ok(())).is_ok());
    }
}
