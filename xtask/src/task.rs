//! The command line.

/// The help text.
pub(crate) const USAGE: &str = "\
Usage: cargo xtask <task>

  test [ARGS…]   Run every test. ARGS are passed to `cargo test`. On Debian, installs missing packages. With `--full` as the
                 first of them, tests of crashes and of many requests at once take much longer.
  suites         Run the tests of actix-session and actix-identity with sessile in place of actix-session.
  ci             Run all checks of a pull request except the tests.
  demo [ARGS…]   Run the demo. ARGS are passed to it.
  screenshot     Take the picture of the demo in the README, and write docs/demo.png.
  bench [ARGS…]  Measure the cost of sessions, and write docs/benchmarks.md. `--help` lists the ARGS.
  code           Count the files, items, lines and refused words of the library, and compare them with their bounds.
  instructions   Count the instructions of a request, and compare them with the recorded numbers.
";

/// One task and its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Test(Vec<String>),
    Demo(Vec<String>),
    Screenshot,
    Bench(Vec<String>),
    Instructions(Vec<String>),
    Suites,
    Ci,
    Code,
    Help,
}

impl Task {
    /// Parses the arguments of `cargo xtask`. The error is a message for the user.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let Some(name) = arguments.next() else {
            return Err("A task is missing.".to_owned());
        };
        let rest: Vec<String> = arguments.collect();
        match (name.as_str(), rest.as_slice()) {
            ("test", _) => Ok(Task::Test(rest)),
            ("demo", _) => Ok(Task::Demo(rest)),
            ("bench", _) => Ok(Task::Bench(rest)),
            ("instructions", _) => Ok(Task::Instructions(rest)),
            ("screenshot", []) => Ok(Task::Screenshot),
            ("screenshot", _) => Err("`screenshot` takes no arguments.".to_owned()),
            ("suites", []) => Ok(Task::Suites),
            ("suites", _) => Err("`suites` takes no arguments.".to_owned()),
            ("ci", []) => Ok(Task::Ci),
            ("code", []) => Ok(Task::Code),
            ("code", _) => Err("`code` takes no arguments.".to_owned()),
            ("ci", _) => Err("`ci` takes no arguments.".to_owned()),
            ("help" | "--help" | "-h", _) => Ok(Task::Help),
            _ => Err(format!("There is no task `{name}`.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task, String> {
        Task::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_passed_on_unchanged() {
        let arguments = ["-p", "sessile", "--", "--nocapture"].map(str::to_owned);

        let task = parse("test -p sessile -- --nocapture");

        assert_eq!(task, Ok(Task::Test(arguments.to_vec())));
        assert_eq!(
            parse("demo --port 0"),
            Ok(Task::Demo(vec!["--port".into(), "0".into()]))
        );
    }

    #[test]
    fn tasks_without_arguments_are_parsed() {
        assert_eq!(parse("ci"), Ok(Task::Ci));
        assert_eq!(parse("code"), Ok(Task::Code));
        assert_eq!(parse("suites"), Ok(Task::Suites));
        assert_eq!(parse("screenshot"), Ok(Task::Screenshot));
        assert_eq!(parse("--help"), Ok(Task::Help));
    }

    #[test]
    fn unknown_tasks_and_arguments_are_refused() {
        assert!(parse("").is_err());
        assert!(parse("ci quickly").is_err());
        assert!(parse("code quickly").is_err());
        assert!(parse("suites 0.11").is_err());
        assert!(parse("screenshot demo.png").is_err());
        assert!(parse("tset").is_err_and(|complaint| complaint.contains("`tset`")));
    }
}
