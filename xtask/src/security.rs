//! The security page of the guide: it lists every requirement, and the tests that it names exist.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    examples::rust_files,
    run::{Failure, workspace},
};

const PAGE: &str = "sessile/src/guide/security.rs";

/// The folders whose tests the page may name.
const TESTS: &[&str] = &["sessile/src", "sessile/tests", "demo/src", "demo/tests"];

/// Chapter V7 and section V3.3 of OWASP ASVS 5.0, at all levels, and 3.5.1.
const REQUIREMENTS: &[&str] = &[
    "7.1.1", "7.1.2", "7.1.3", "7.2.1", "7.2.2", "7.2.3", "7.2.4", "7.3.1", "7.3.2", "7.4.1",
    "7.4.2", "7.4.3", "7.4.4", "7.4.5", "7.5.1", "7.5.2", "7.5.3", "7.6.1", "7.6.2", "3.3.1",
    "3.3.2", "3.3.3", "3.3.4", "3.3.5", "3.5.1",
];

/// What the last column has if the application has to meet a requirement.
const APPLICATION: &str = "*Application*";

pub(crate) fn check() -> Result<(), Failure> {
    let page = read(&workspace().join(PAGE))?;
    let mut tests = BTreeSet::new();
    for folder in TESTS {
        let files = rust_files(&workspace().join(folder))
            .map_err(|error| Failure::Check(format!("can't search {folder}: {error}")))?;
        for file in files {
            tests.extend(tests_in(&read(&file)?));
        }
    }
    let complaints = complaints(&page, &tests);
    if complaints.is_empty() {
        Ok(())
    } else {
        let complaints = complaints.join("\n  ");
        Err(Failure::Check(format!("{PAGE}:\n  {complaints}")))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::Check(format!("can't read {}: {error}", path.display())))
}

/// What is wrong with the page, if the repository has these tests.
fn complaints(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for requirement in REQUIREMENTS {
        let rows: Vec<_> = page
            .lines()
            .filter_map(|line| row(line, requirement))
            .collect();
        let [shown_by] = rows[..] else {
            complaints.push(format!("{requirement}: {} rows", rows.len()));
            continue;
        };
        let names: Vec<_> = shown_by.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && shown_by != APPLICATION {
            complaints.push(format!("{requirement}: neither a test nor {APPLICATION}"));
        }
        let missing = names.into_iter().filter(|&name| !tests.contains(name));
        complaints.extend(missing.map(|name| format!("{requirement}: no test `{name}`")));
    }
    complaints
}

/// The last column of the line, if it is the row of this requirement.
fn row<'a>(line: &'a str, requirement: &str) -> Option<&'a str> {
    let cells = line.strip_prefix("//! | ")?.strip_suffix(" |")?;
    let cells = cells.strip_prefix(requirement)?.strip_prefix(" | ")?;
    cells.rsplit(" | ").next()
}

/// The names of the tests in a source file: of functions with an attribute that ends in `test`, and of those in the list
/// of a macro that runs them on every store.
fn tests_in(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if is_test_attribute(line) {
            let function = lines.by_ref().find(|line| !line.starts_with("#["));
            names.extend(function.and_then(function_name));
        } else if line.starts_with("on_every_store![") {
            let list = lines.by_ref().take_while(|line| *line != "];");
            names.extend(list.map(|name| name.trim_end_matches(',').to_owned()));
        }
    }
    names
}

fn is_test_attribute(line: &str) -> bool {
    let Some(attribute) = line.strip_prefix("#[") else {
        return false;
    };
    let path = attribute.split(['(', ']']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

fn function_name(line: &str) -> Option<String> {
    let (_, name) = line.split_once("fn ")?;
    name.split(['(', '<']).next().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
        on_every_store![
            a_listed_test,
        ];

        async fn a_listed_test<K: Kind>(setup: &Setup<K>) {}

        #[tokio::test(start_paused = true)]
        #[cfg(unix)]
        async fn an_async_test() {}

        #[test]
        fn a_test() {}

        fn no_test() {}
    ";

    /// A page on which each requirement but 3.5.1 is up to the application.
    fn page(last_row: &str) -> String {
        let others = &REQUIREMENTS[..REQUIREMENTS.len() - 1];
        let rows = others
            .iter()
            .map(|it| format!("//! | {it} | a | – | *Application* |\n"));
        rows.collect::<String>() + last_row
    }

    fn complaints_about(last_row: &str) -> Vec<String> {
        complaints(&page(last_row), &tests_in(SOURCE).into_iter().collect())
    }

    #[test]
    fn the_page_of_this_repository_is_complete() {
        check().unwrap();
    }

    #[test]
    fn tests_are_found_by_attribute_and_list() {
        assert_eq!(
            tests_in(SOURCE),
            ["a_listed_test", "an_async_test", "a_test"]
        );
    }

    #[test]
    fn a_row_with_tests_that_exist_is_accepted() {
        let row = "//! | 3.5.1 | b | `CsrfGuard` | `a_test`, `a_listed_test` |";

        assert_eq!(complaints_about(row), [""; 0]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_named() {
        let row = "//! | 3.5.1 | b | `CsrfGuard` | `a_test`, `no_test` |";

        assert_eq!(complaints_about(row), ["3.5.1: no test `no_test`"]);
    }

    #[test]
    fn every_requirement_has_one_row_with_a_test_or_the_application() {
        assert_eq!(complaints_about(""), ["3.5.1: 0 rows"]);
        assert_eq!(
            complaints_about("//! | 3.5.1 | b | `CsrfGuard` | – |"),
            ["3.5.1: neither a test nor *Application*"]
        );
    }
}
