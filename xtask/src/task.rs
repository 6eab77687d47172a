//! The command line.

/// What a newcomer reads.
pub(crate) const USAGE: &str = "\
Usage: cargo xtask <task>

  test [ARGS…]   Run every test. ARGS go to `cargo test`. On Debian, installs what the tests need.
  suites         Run the tests of actix-session and actix-identity with sessile in place of actix-session.
  ci             Check all that is checked before a change goes in, but the tests.
  demo [ARGS…]   Run the demo. ARGS go to it.
  bench [ARGS…]  Measure what sessions cost, and write docs/benchmarks.md. `--help` is an ARG.
  instructions   Count the instructions of a request, and compare them with those that were kept.
";

/// One task and its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Test(Vec<String>),
    Demo(Vec<String>),
    Bench(Vec<String>),
    Instructions(Vec<String>),
    Suites,
    Ci,
    Help,
}

impl Task {
    /// Reads what follows `cargo xtask`. The error is a sentence for the user.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let Some(name) = arguments.next() else {
            return Err("Which task?".to_owned());
        };
        let rest: Vec<String> = arguments.collect();
        match (name.as_str(), rest.as_slice()) {
            ("test", _) => Ok(Task::Test(rest)),
            ("demo", _) => Ok(Task::Demo(rest)),
            ("bench", _) => Ok(Task::Bench(rest)),
            ("instructions", _) => Ok(Task::Instructions(rest)),
            ("suites", []) => Ok(Task::Suites),
            ("suites", _) => Err("`suites` takes no arguments.".to_owned()),
            ("ci", []) => Ok(Task::Ci),
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
    fn passes_arguments_on_as_they_are() {
        let arguments = ["-p", "sessile", "--", "--nocapture"].map(str::to_owned);

        let task = parse("test -p sessile -- --nocapture");

        assert_eq!(task, Ok(Task::Test(arguments.to_vec())));
        assert_eq!(
            parse("demo --port 0"),
            Ok(Task::Demo(vec!["--port".into(), "0".into()]))
        );
    }

    #[test]
    fn knows_the_tasks_without_arguments() {
        assert_eq!(parse("ci"), Ok(Task::Ci));
        assert_eq!(parse("suites"), Ok(Task::Suites));
        assert_eq!(parse("--help"), Ok(Task::Help));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse("").is_err());
        assert!(parse("ci quickly").is_err());
        assert!(parse("suites 0.11").is_err());
        assert!(parse("tset").is_err_and(|complaint| complaint.contains("`tset`")));
    }
}
