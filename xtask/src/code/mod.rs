//! `cargo xtask code`: figures that tell how large the library is, beside their bounds.
//!
//! | figure | how it is counted |
//! | --- | --- |
//! | files of a request | see [`passed`] |
//! | items on the front page | see [`front_page`] |
//! | lines | see [`lines`] |
//! | refused words | lines that [`words`] finds in all tracked files |
//! | the page on the architecture | its lines |

mod front_page;
mod lines;
mod passed;

use std::{fmt, fs, path::Path};

use crate::{
    packages,
    run::{Failure, workspace},
    words,
};

/// The figures that exceed their bounds today. `cargo xtask ci` prints them, and does not fail because of them.
const NOT_REACHED: &[&str] = &[LINES];

const FILES: &str = "files that a changing request passes through, outside of `storage/`";
const ITEMS: &str = "items on the front page of the documentation";
const LINES: &str = "lines in `sessile/src`, without tests and comments";
const WORDS: &str = "lines with refused words";
const ARCHITECTURE: &str = "lines in `docs/architecture.md`";

/// A figure and its bound.
#[derive(Debug, PartialEq, Eq)]
struct Figure {
    name: &'static str,
    value: usize,
    bound: usize,
}

impl Figure {
    const fn is_exceeded(&self) -> bool {
        self.value > self.bound
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, bound } = self;
        write!(f, "{value:6}  (at most {bound})  {name}")
    }
}

/// Prints all figures, and fails if one of them exceeds its bound.
pub(crate) fn run() -> Result<(), Failure> {
    packages::ensure()?;
    let mut figures = vec![Figure {
        name: FILES,
        value: passed::count()?,
        bound: 19,
    }];
    figures.extend(counted()?);
    report(&figures, &[])
}

/// Prints the figures that are counted without running the library, and fails if one of them exceeds its bound, unless it
/// is known to.
pub(crate) fn check() -> Result<(), Failure> {
    report(&counted()?, NOT_REACHED)
}

fn counted() -> Result<Vec<Figure>, Failure> {
    let source = workspace().join("sessile/src");
    Ok(vec![
        Figure {
            name: ITEMS,
            value: front_page::count(&source)?,
            bound: 20,
        },
        Figure {
            name: LINES,
            value: lines::count(&source)?,
            bound: 10_000,
        },
        Figure {
            name: WORDS,
            value: words::found()?.len(),
            bound: 0,
        },
        Figure {
            name: ARCHITECTURE,
            value: line_count(&workspace().join("docs/architecture.md"))?,
            bound: 150,
        },
    ])
}

fn line_count(file: &Path) -> Result<usize, Failure> {
    fs::read_to_string(file)
        .map(|text| text.lines().count())
        .map_err(|error| Failure::Check(format!("can't read {}: {error}", file.display())))
}

fn report(figures: &[Figure], tolerated: &[&str]) -> Result<(), Failure> {
    for figure in figures {
        println!("{figure}");
    }
    let exceeded: Vec<_> = figures
        .iter()
        .filter(|figure| figure.is_exceeded() && !tolerated.contains(&figure.name))
        .map(|figure| figure.name)
        .collect();
    if exceeded.is_empty() {
        Ok(())
    } else {
        Err(Failure::Check(format!(
            "more than the bound: {}",
            exceeded.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn figure(name: &'static str, value: usize) -> Figure {
        Figure {
            name,
            value,
            bound: 20,
        }
    }

    #[test]
    fn the_error_names_each_figure_that_exceeds_its_bound() {
        let figures = [
            figure("files", 21),
            figure("items", 20),
            figure("lines", 99),
        ];

        let error = report(&figures, &[]).unwrap_err().to_string();

        assert_eq!(error, "more than the bound: files; lines");
    }

    #[test]
    fn a_tolerated_figure_is_no_failure() {
        assert!(report(&[figure("files", 21)], &["files"]).is_ok());
        assert!(report(&[figure("files", 20)], &[]).is_ok());
    }

    #[test]
    fn lines_of_a_file_are_counted() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(line_count(&manifest.join("src/code/mod.rs")).unwrap() > 100);
        assert!(line_count(&manifest.join("missing.md")).is_err());
    }

    #[test]
    fn a_figure_is_shown_beside_its_bound() {
        assert_eq!(
            figure("files", 7).to_string(),
            "     7  (at most 20)  files"
        );
    }
}
