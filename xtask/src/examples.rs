//! The check that the tests include every example in the documentation.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Searches every Rust file below `folder` for examples that are marked as ignored. The error lists them.
pub(crate) fn check(folder: &Path) -> Result<(), String> {
    let ignored =
        ignored_under(folder).map_err(|error| format!("can't search for examples: {error}"))?;
    if ignored.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "examples that are not compiled:\n  {}",
            ignored.join("\n  ")
        ))
    }
}

fn ignored_under(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for file in rust_files(folder)? {
        for (index, line) in fs::read_to_string(&file)?.lines().enumerate() {
            if opens_an_ignored_example(line) {
                found.push(format!("{}:{}", file.display(), index + 1));
            }
        }
    }
    Ok(found)
}

/// Every Rust file below `folder`, except in hidden folders and in `target`.
pub(crate) fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            if name.to_string_lossy().starts_with('.') || name == "target" {
                continue;
            }
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether this line of a doc comment opens a code block with the attribute `ignore`, or `ignore-<platform>`.
fn opens_an_ignored_example(line: &str) -> bool {
    let line = line.trim_start();
    let Some(text) = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
    else {
        return false;
    };
    let Some(attributes) = text.trim_start().strip_prefix("```") else {
        return false;
    };
    attributes
        .split([',', ' '])
        .any(|attribute| attribute == "ignore" || attribute.starts_with("ignore-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_examples_are_found_in_every_notation() {
        for line in [
            "/// ```ignore",
            "    //! ```rust,ignore",
            "/// ``` rust, ignore",
            "/// ```ignore-windows",
        ] {
            assert!(opens_an_ignored_example(line), "{line}");
        }
    }

    #[test]
    fn other_examples_and_other_lines_are_allowed() {
        for line in [
            "/// ```",
            "//! ```no_run",
            "/// ```compile_fail",
            "/// we ignore this",
            "let x = 1;",
        ] {
            assert!(!opens_an_ignored_example(line), "{line}");
        }
    }

    #[test]
    fn the_files_of_this_crate_are_found() {
        let files = rust_files(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();

        assert!(files.iter().any(|file| file.ends_with("src/examples.rs")));
    }
}
