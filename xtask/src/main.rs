//! The tasks of this workspace, run as `cargo xtask <task>`.

mod bench;
mod checks;
mod ci;
mod code;
mod demo;
mod examples;
mod features;
mod packages;
mod readme;
mod run;
mod security;
mod suites;
mod task;
mod test;
mod words;

use std::{env, process::ExitCode};

use task::Task;

fn main() -> ExitCode {
    let outcome = match Task::parse(env::args().skip(1)) {
        Ok(Task::Test(arguments)) => test::run(arguments),
        Ok(Task::Demo(arguments)) => demo::run(arguments),
        Ok(Task::Screenshot) => demo::screenshot(),
        Ok(Task::Bench(arguments)) => bench::run(arguments),
        Ok(Task::Instructions(arguments)) => bench::instructions(arguments),
        Ok(Task::Ci) => ci::run(),
        Ok(Task::Code) => code::run(),
        Ok(Task::Suites) => suites::run(),
        Ok(Task::Help) => {
            print!("{}", task::USAGE);
            Ok(())
        }
        Err(complaint) => {
            eprintln!("{complaint}\n\n{}", task::USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}
