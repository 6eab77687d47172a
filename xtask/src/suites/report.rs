//! The results of the tests, read from the output of `cargo test`.

use std::fmt;

use super::{Suite, tables::Skip};

/// The suites and the results of their tests.
#[derive(Debug)]
pub(crate) struct Report {
    results: Vec<Outcome>,
    /// The suite that the current output belongs to.
    current: Option<usize>,
}

#[derive(Debug)]
struct Outcome {
    suite: Suite,
    passed: usize,
    failed: usize,
    output: String,
}

impl Report {
    pub(crate) fn new(suites: Vec<Suite>) -> Self {
        let results = suites
            .into_iter()
            .map(|suite| Outcome {
                suite,
                passed: 0,
                failed: 0,
                output: String::new(),
            })
            .collect();
        Self {
            results,
            current: None,
        }
    }

    /// Reads a line of the output.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(name) = crate_under_test(line) {
            let is_of = |it: &Outcome| it.suite.crates.iter().any(|it| it == name);
            self.current = self.results.iter().position(is_of);
        }
        let Some(result) = self.current.and_then(|it| self.results.get_mut(it)) else {
            return;
        };
        result.output += line;
        result.output.push('\n');
        if let Some(counts) = line.strip_prefix("test result: ") {
            result.passed += count(counts, " passed");
            result.failed += count(counts, " failed");
        }
    }

    /// The output of the suites that failed.
    pub(crate) fn output_of_failed(&self) -> String {
        let failed = self.results.iter().filter(|it| it.complaint().is_some());
        failed.map(|it| it.output.as_str()).collect()
    }

    /// Returns an error if a test failed, or if the number of tests that ran differs from the source.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        let complaints: Vec<_> = self.results.iter().filter_map(Outcome::complaint).collect();
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(complaints.join("\n"))
        }
    }
}

impl Outcome {
    fn complaint(&self) -> Option<String> {
        let Suite {
            label, expected, ..
        } = &self.suite;
        let ran = self.passed + self.failed;
        if self.failed > 0 {
            Some(format!("{label}: failed tests: {}", self.failed))
        } else if ran != *expected || ran == 0 {
            Some(format!(
                "{label}: {ran} tests ran, but the source has {expected}"
            ))
        } else {
            None
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:24}passed  failed  skipped", "")?;
        for Outcome {
            suite,
            passed,
            failed,
            ..
        } in &self.results
        {
            let (label, skipped) = (&suite.label, suite.skipped.len());
            writeln!(f, "{label:24}{passed:6}  {failed:6}  {skipped:7}")?;
        }
        let mut skips: Vec<&Skip> = Vec::new();
        for skip in self.results.iter().flat_map(|it| &it.suite.skipped) {
            if !skips.contains(skip) {
                skips.push(skip);
            }
        }
        for skip in skips {
            let Skip {
                file, test, reason, ..
            } = skip;
            writeln!(f, "skipped: {file}, {test}: {reason}")?;
        }
        Ok(())
    }
}

/// The crate that the following lines belong to, if the line names it: `Running … (target/debug/deps/name-0123)` or
/// `Doc-tests name`.
fn crate_under_test(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(name);
    }
    let (_, program) = line.strip_prefix("Running ")?.rsplit_once('/')?;
    let (name, _) = program.rsplit_once('-')?;
    Some(name)
}

/// The number before `what`.
fn count(counts: &str, what: &str) -> usize {
    let before = counts.split_once(what).map_or("", |(before, _)| before);
    let number = before.rsplit(' ').next().unwrap_or_default();
    number.parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::tables::SKIPS;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/actix_session_0_11_0-3ea5e73e0217a3a2)

running 2 tests
test integration::session::get_session ... ok
test integration::session::session ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.06s

     Running tests/main.rs (target/debug/deps/unknown-3ea5e73e0217a3a2)

test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.06s

   Doc-tests actix_session_0_11_0

running 1 test
test src/examples.rs - examples::a (line 1) ... FAILED

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.06s
";

    fn report(expected: usize, output: &str) -> Report {
        let mut report = Report::new(vec![Suite {
            label: "actix-session 0.11.0".to_owned(),
            crates: vec!["actix_session_0_11_0".to_owned()],
            expected,
            skipped: vec![&SKIPS[0]],
        }]);
        output.lines().for_each(|line| report.read(line));
        report
    }

    #[test]
    fn the_results_of_a_suite_are_added_up() {
        let report = report(3, OUTPUT);

        let text = report.to_string();
        let line = "actix-session 0.11.0         2       1        1";
        assert_eq!(text.lines().nth(1), Some(line), "{text}");
        assert!(
            text.contains("skipped: src/storage/cookie.rs, loading_a_random_"),
            "{text}"
        );
    }

    #[test]
    fn a_failed_test_is_an_error_and_its_output_is_printed() {
        let report = report(3, OUTPUT);

        assert_eq!(
            report.verdict(),
            Err("actix-session 0.11.0: failed tests: 1".to_owned())
        );
        assert!(report.output_of_failed().contains("(line 1) ... FAILED"));
        assert!(!report.output_of_failed().contains("7 passed"));
    }

    #[test]
    fn missing_tests_are_an_error() {
        let (passed, _) = OUTPUT.split_once("   Doc-tests").unwrap();

        assert_eq!(report(2, passed).verdict(), Ok(()));
        assert_eq!(
            report(3, passed).verdict(),
            Err("actix-session 0.11.0: 2 tests ran, but the source has 3".to_owned())
        );
        assert!(report(0, "").verdict().is_err());
    }
}
