//! `cargo xtask suites`: the tests of actix-session and actix-identity, with sessile in place of actix-session.
//!
//! Cargo downloads the packages: actix-session 0.6 to 0.11, and actix-identity. A workspace below `target/` is generated
//! from them, and builds a crate for each:
//!
//! - For actix-session, the crate has its integration tests, the tests of its stores, its acceptance suite and its examples,
//!   but not its code. The name `actix_session` refers to sessile.
//! - For actix-identity, the crate has everything. `[patch.crates-io]` and the packages in `actix-session/` replace
//!   actix-session with sessile, as they do for the program in `actix-session/tests/`.
//!
//! The output has the number of tests of each package that passed, failed and were skipped. The task fails if a test fails,
//! or if the number of tests that ran differs from the source. An exception that is not needed is an error as well.

mod files;
mod identity;
mod patched;
mod refused;
mod registry;
mod report;
mod session;
mod source;
mod tables;
mod template;
mod workspace;

pub(crate) use patched::PROGRAM;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    process::{Command, ExitStatus},
};

use self::{files::Files, refused::Refusals, registry::Source, report::Report, tables::Skip};
use crate::{
    packages,
    run::{self, Failure, cargo},
};

/// The folder of the generated workspace, relative to this one.
const FOLDER: &str = "target/suites";

/// The folder of its build.
const TARGET: &str = "target/suites/target";

/// The tests of one package.
#[derive(Debug, Default)]
pub(crate) struct Suite {
    /// Its name in the output.
    pub(crate) label: String,
    /// The crates with its tests.
    pub(crate) crates: Vec<String>,
    /// The number of tests that have to run: those in the source, except the skipped ones.
    pub(crate) expected: usize,
    pub(crate) skipped: Vec<&'static Skip>,
}

pub(crate) fn run() -> Result<(), Failure> {
    packages::ensure()?;
    let folder = run::workspace().join(FOLDER);
    let sources = registry::fetch(&folder.join("packages"))?;
    tables::check(&sources).map_err(Failure::Check)?;
    patched::check(&sources).map_err(Failure::Check)?;

    let failed = |error: io::Error| Failure::Check(format!("can't write {FOLDER}: {error}"));
    let (mut files, mut refusals) = (Files::default(), Refusals::default());
    let suites = generate(&sources, &mut files, &mut refusals).map_err(failed)?;
    files.write(&folder.join("members")).map_err(failed)?;
    let lock = fs::read_to_string(run::workspace().join("Cargo.lock")).map_err(failed)?;
    workspace::write(&folder, &lock).map_err(failed)?;

    run::run(in_suites(&[
        "test",
        "--no-run",
        "--exclude",
        refused::PACKAGE,
    ]))?;
    refusals.check_by(in_suites(&["build", "--tests"]))?;
    test(Report::new(suites))
}

/// Generates the packages of the workspace.
fn generate(
    sources: &[Source],
    files: &mut Files,
    refusals: &mut Refusals,
) -> io::Result<Vec<Suite>> {
    let mut suites: Vec<_> = sources
        .iter()
        .map(|source| match source.package.name {
            "actix-session" => session::generate(source, files, refusals),
            _ => identity::generate(source, files),
        })
        .collect();
    suites.push(patched::generate(files)?);
    refusals.generate(files);
    Ok(suites)
}

/// Runs the tests, and prints the results.
fn test(mut report: Report) -> Result<(), Failure> {
    let mut command = in_suites(&["test", "--no-fail-fast", "--exclude", refused::PACKAGE]);
    command.env("CARGO_TERM_COLOR", "never");
    let status = read_lines(command, |line| report.read(line))?;
    print!("{}\n{report}", report.output_of_failed());
    report.verdict().map_err(Failure::Check)?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Exit("cargo test".to_owned(), status)),
    }
}

/// Runs a command until it ends, and reads both of its outputs in the order of the writes.
fn read_lines(mut command: Command, mut read: impl FnMut(&str)) -> Result<ExitStatus, Failure> {
    let failed = |error| Failure::Start("cargo test".to_owned(), error);
    let (reader, writer) = io::pipe().map_err(failed)?;
    command.stdout(writer.try_clone().map_err(failed)?);
    command.stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    // The command has the writing ends of the pipe. Until it is dropped, the output has no end.
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        read(&String::from_utf8_lossy(&line.map_err(failed)?));
    }
    child.wait().map_err(failed)
}

/// Cargo in the generated workspace.
fn in_suites(arguments: &[&str]) -> Command {
    let mut command = cargo(arguments.iter().copied());
    let manifest = format!("{FOLDER}/Cargo.toml");
    command.args([
        "--workspace",
        "--manifest-path",
        &manifest,
        "--target-dir",
        TARGET,
    ]);
    command
}
