//! Finding tests, test modules and documentation examples in Rust source.
//!
//! The source is formatted by rustfmt, so an item ends at the first line that is a closing brace with the item's
//! indentation.

use std::ops::Range;

/// A test function: its name, and its lines with the attribute.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) lines: Range<usize>,
}

/// The tests in `source`, in order.
pub(crate) fn tests(source: &str) -> Vec<Test> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if !is_test_attribute(line.trim()) {
            continue;
        }
        let name = lines[index..].iter().find_map(|line| function(line));
        if let Some(name) = name {
            let end = end_of_item(&lines, index);
            found.push(Test {
                name: name.to_owned(),
                lines: index..end,
            });
        }
    }
    found
}

/// `source` without the tests that `keep` refuses.
pub(crate) fn retain_tests(source: &str, keep: impl Fn(&str) -> bool) -> String {
    let dropped: Vec<_> = tests(source)
        .into_iter()
        .filter(|test| !keep(&test.name))
        .collect();
    let lines = source.lines().enumerate();
    let kept = lines.filter(|(index, _)| !dropped.iter().any(|test| test.lines.contains(index)));
    kept.fold(String::new(), |text, (_, line)| text + line + "\n")
}

/// The test modules at the top level of `source`, with their attributes.
pub(crate) fn test_modules(source: &str) -> String {
    let lines: Vec<&str> = source.lines().collect();
    let mut modules = String::new();
    let mut index = 0;
    while index < lines.len() {
        if lines[index] == "#[cfg(test)]" {
            let end = end_of_item(&lines, index);
            for line in &lines[index..end] {
                modules = modules + line + "\n";
            }
            index = end;
        } else {
            index += 1;
        }
    }
    modules
}

/// An example in documentation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Example {
    /// The number of its first line, counted from 1.
    pub(crate) line: usize,
    /// The text after the opening backticks.
    pub(crate) attributes: String,
    pub(crate) code: String,
}

impl Example {
    /// The code in a function, including the lines that rustdoc hides.
    pub(crate) fn program(&self) -> String {
        let lines = self.code.lines();
        let code: String = lines
            .map(|line| format!("    {}\n", line.strip_prefix("# ").unwrap_or(line)))
            .collect();
        format!("fn main() {{\n{code}}}\n")
    }
}

/// The Rust examples that rustdoc would test.
pub(crate) fn examples(source: &str) -> Vec<Example> {
    let mut found = Vec::new();
    let mut open: Option<Example> = None;
    for (line, text) in documentation(source) {
        match (text.trim().strip_prefix("```"), &mut open) {
            (Some(attributes), None) => {
                open = Some(Example {
                    line,
                    attributes: attributes.to_owned(),
                    code: String::new(),
                });
            }
            (Some(_), Some(_)) => {
                found.extend(open.take().filter(|it| is_rust(&it.attributes)));
            }
            (None, Some(example)) => example.code = format!("{}{text}\n", example.code),
            (None, None) => {}
        }
    }
    found
}

/// The lines of documentation with their numbers, without the comment markers.
fn documentation(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_block = false;
    source.lines().enumerate().filter_map(move |(index, line)| {
        let trimmed = line.trim_start();
        if is_block {
            is_block = !trimmed.contains("*/");
            return Some((index + 1, line));
        }
        is_block = trimmed.starts_with("/*!") || trimmed.starts_with("/**");
        let text = trimmed
            .strip_prefix("///")
            .or_else(|| trimmed.strip_prefix("//!"))?;
        Some((index + 1, text.strip_prefix(' ').unwrap_or(text)))
    })
}

/// Whether rustdoc treats a code block with these attributes as Rust.
fn is_rust(attributes: &str) -> bool {
    attributes
        .split([',', ' '])
        .all(|it| matches!(it, "" | "rust" | "no_run" | "should_panic" | "compile_fail"))
}

/// Whether a line is `#[test]` or the attribute of a framework, such as `#[actix_web::test]`.
fn is_test_attribute(line: &str) -> bool {
    let path = line.strip_prefix("#[").and_then(|it| it.strip_suffix(']'));
    path.is_some_and(|it| it == "test" || it.ends_with("::test"))
}

/// The name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    Some(name)
}

/// The line after the item that begins at `start`.
fn end_of_item(lines: &[&str], start: usize) -> usize {
    let indentation = lines[start].len() - lines[start].trim_start().len();
    let closing = format!("{}}}", " ".repeat(indentation));
    let rest = lines[start..].iter();
    rest.take_while(|line| **line != closing).count() + start + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! A crate.
//!
//! ```no_run
//! let x = 1;
//! ```

/// A function.
///
/// ```toml
/// x = 1
/// ```
///
/// ```
/// # hidden();
///     indented();
/// ```
fn function() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first() {
        if true {
        }
    }

    #[actix_web::test]
    async fn second() {
    }
}
";

    fn names(source: &str) -> Vec<String> {
        tests(source).into_iter().map(|test| test.name).collect()
    }

    #[test]
    fn tests_of_any_framework_are_found() {
        assert_eq!(names(SOURCE), ["first", "second"]);
        assert!(names("#[cfg(test)]\nfn helper() {\n}\n").is_empty());
    }

    #[test]
    fn some_tests_and_everything_else_are_retained() {
        let kept = retain_tests(SOURCE, |name| name == "second");

        assert_eq!(names(&kept), ["second"]);
        assert_eq!(kept.lines().count(), SOURCE.lines().count() - 5);
        assert_eq!(retain_tests(SOURCE, |_| true), SOURCE);
    }

    #[test]
    fn test_modules_are_found() {
        let modules = test_modules(SOURCE);

        assert!(modules.starts_with("#[cfg(test)]\nmod tests {\n    use super::*;\n"));
        assert!(modules.ends_with("    }\n}\n"));
        assert_eq!(names(&modules), ["first", "second"]);
    }

    #[test]
    fn examples_that_rustdoc_tests_are_found() {
        let expected = [
            Example {
                line: 3,
                attributes: "no_run".into(),
                code: "let x = 1;\n".into(),
            },
            Example {
                line: 13,
                attributes: "".into(),
                code: "# hidden();\n    indented();\n".into(),
            },
        ];

        assert_eq!(examples(SOURCE), expected);
        assert_eq!(
            expected[1].program(),
            "fn main() {\n    hidden();\n        indented();\n}\n"
        );
    }

    #[test]
    fn examples_in_block_comments_are_found() {
        let examples = examples("/*!\nA crate.\n\n```\nlet x = 1;\n```\n*/\n\n```\n");

        assert_eq!(examples.len(), 1);
        assert_eq!(examples[0].code, "let x = 1;\n");
    }
}
