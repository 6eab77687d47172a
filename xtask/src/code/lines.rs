//! The lines of code of the library, without tests and comments.
//!
//! All Rust files below `sessile/src` are counted. Blank lines, comments, and items that are compiled only for tests do not
//! count, nor do the files of modules that are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{examples::rust_files, run::Failure};

/// The number of lines in the folder `source`.
pub(super) fn count(source: &Path) -> Result<usize, Failure> {
    count_in(source).map_err(|error| {
        let source = source.display();
        Failure::Check(format!("can't count the lines in {source}: {error}"))
    })
}

fn count_in(source: &Path) -> io::Result<usize> {
    let files: io::Result<Vec<_>> = rust_files(source)?
        .into_iter()
        .map(|path| fs::read_to_string(&path).map(|text| (path, text)))
        .collect();
    Ok(count_files(&files?))
}

/// The number of lines in files with these paths and texts.
fn count_files(files: &[(PathBuf, String)]) -> usize {
    let contents: Vec<_> = files
        .iter()
        .map(|(path, text)| (path, Content::of(text)))
        .collect();
    let test_modules: Vec<PathBuf> = contents
        .iter()
        .flat_map(|(path, content)| {
            let names = content.test_modules.iter();
            names.map(|name| folder_of(path).join(name))
        })
        .collect();
    let is_test = |path: &Path| {
        let module = path.with_extension("");
        test_modules.iter().any(|it| module.starts_with(it))
    };
    contents
        .iter()
        .filter(|(path, _)| !is_test(path))
        .map(|(_, content)| content.lines)
        .sum()
}

/// The folder with the modules of a file.
fn folder_of(file: &Path) -> PathBuf {
    let is_root = |name: &std::ffi::OsStr| name == "mod.rs" || name == "lib.rs";
    if file.file_name().is_some_and(is_root) {
        file.with_file_name("")
    } else {
        file.with_extension("")
    }
}

/// What a file has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    lines: usize,
    /// The modules in files of their own that are compiled only for tests.
    test_modules: Vec<String>,
}

impl Content {
    /// The source is formatted by rustfmt, so an item ends at a semicolon or comma, or at the closing brace with the item's
    /// indentation.
    fn of(text: &str) -> Self {
        let mut content = Self::default();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if is_test_attribute(line) {
                let mut item = lines.next();
                while item.is_some_and(|line| line.trim_start().starts_with("#[")) {
                    item = lines.next();
                }
                let Some(item) = item else { break };
                content.test_modules.extend(module(item));
                skip(item, &mut lines);
            } else if is_code(line) {
                content.lines += 1;
            }
        }
        content
    }
}

/// Passes the rest of the item that begins with the line `item`.
fn skip<'a>(item: &str, lines: &mut impl Iterator<Item = &'a str>) {
    if item.ends_with([';', ',', '}']) {
        return;
    }
    let indentation = &item[..item.len() - item.trim_start().len()];
    let is_end = |line: &str| {
        let rest = line.strip_prefix(indentation);
        rest.is_some_and(|rest| {
            rest.starts_with('}') || (rest.ends_with(';') && !rest.starts_with(' '))
        })
    };
    lines.find(|line| is_end(line));
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test,")
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

/// The module that a line declares.
fn module(line: &str) -> Option<String> {
    let (_, name) = line.split_once("mod ")?;
    name.strip_suffix(';').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blank_lines_and_tests_are_not_counted() {
        let text = "\
//! Text.

use a::B;

/// Text.
struct C {
    // Text.
    d: E, // Text.
    #[cfg(test)]
    f: G,
}

impl C {
    #[cfg(test)]
    #[must_use]
    fn h(&self) {
        if true {
        }
    }

    fn i(&self) {}
}

#[cfg(test)]
use j::{
    K,
};

#[cfg(all(test, feature = \"x\"))]
mod tests {
    fn l() {}
}

fn m() {}
";

        let content = Content::of(text);

        // `use`, four lines of the struct without the field for tests, `impl`, `fn i` and its end, and `fn m`.
        assert_eq!(content.lines, 8);
        assert!(content.test_modules.is_empty());
    }

    #[test]
    fn modules_for_tests_are_found() {
        let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\npub(crate) mod checks;\nmod other;\n";

        let content = Content::of(text);

        assert_eq!(content.test_modules, ["tests", "checks"]);
        assert_eq!(content.lines, 1);
    }

    #[test]
    fn the_modules_of_a_file_are_in_its_folder() {
        let folder = |file| folder_of(Path::new(file));
        assert_eq!(folder("src/lib.rs"), Path::new("src/"));
        assert_eq!(folder("src/a/mod.rs"), Path::new("src/a/"));
        assert_eq!(folder("src/a/b.rs"), Path::new("src/a/b"));
    }

    #[test]
    fn the_files_of_tests_are_not_counted() {
        let files = [
            ("src/lib.rs", "mod a;\n"),
            ("src/a.rs", "fn b() {}\n#[cfg(test)]\nmod tests;\n"),
            ("src/a/tests.rs", "mod c;\n"),
            ("src/a/tests/c.rs", "fn d() {}\n"),
            ("src/tests_of_others.rs", "fn e() {}\n"),
        ];
        let files = files.map(|(path, text)| (PathBuf::from(path), text.to_owned()));

        assert_eq!(count_files(&files), 3);
    }
}
