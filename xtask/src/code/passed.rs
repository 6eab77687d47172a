//! The files that a changing request passes through.
//!
//! The scenario `memory-change` of `bench/instructions` runs under Valgrind, in a debug build, so that no function is
//! inlined. Callgrind collects only what the requests execute, without the beginning of the session. The distinct source files
//! in its output are counted: those in `sessile/src`, except `storage/`. `lib.rs` is one of them, because the compiler
//! attributes code that belongs to no line to it.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    process::{Command, Stdio},
};

use crate::{
    bench,
    run::{self, Failure, workspace},
};

/// The function of the scenario that sends the requests.
const REQUESTS: &str = "--toggle-collect=*::repeat::*";

/// Callgrind's output, relative to the workspace.
const OUTPUT: &str = "target/callgrind.out";

/// The folder of the files that are counted.
const SOURCE: &str = "sessile/src/";

/// Runs the scenario, prints the files, and returns their number.
pub(super) fn count() -> Result<usize, Failure> {
    let program = bench::debug_build("sessile-instructions")?;
    let output = workspace().join(OUTPUT);
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--quiet", "--tool=callgrind", REQUESTS])
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(program)
        .args(["run", "memory-change", "10"])
        .stdout(Stdio::null());
    run::run(valgrind)?;
    let text = fs::read_to_string(&output)
        .map_err(|error| Failure::Check(format!("can't read {}: {error}", output.display())))?;
    let files = files(&text);
    for file in &files {
        println!("        {file}");
    }
    if files.is_empty() {
        return Err(Failure::Check(format!(
            "{OUTPUT} names no file of {SOURCE}"
        )));
    }
    Ok(files.len())
}

/// The files in callgrind's output that are counted, relative to their folder.
///
/// A line names the file of the code that the next lines count: `fl=(7) path`, or `fl=(7)` if an earlier line had the path.
/// That line may also be one of a call: `cfi=(7) path`.
fn files(output: &str) -> BTreeSet<&str> {
    let mut paths = HashMap::new();
    let mut executed = BTreeSet::new();
    for line in output.lines() {
        let Some((kind, file)) = line.split_once('=') else {
            continue;
        };
        let (id, path) = file.split_once(' ').unwrap_or((file, ""));
        if !matches!(kind, "fl" | "fi" | "fe" | "cfi" | "cfl") {
            continue;
        }
        if !path.is_empty() {
            paths.insert(id, path);
        }
        if !kind.starts_with('c') {
            executed.insert(id);
        }
    }
    executed
        .iter()
        .filter_map(|id| paths.get(id)?.split_once(SOURCE))
        .map(|(_, file)| file)
        .filter(|file| !file.starts_with("storage/"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinct_files_of_the_library_are_found() {
        let output = "\
# callgrind format
events: Ir
fl=(1) /src/sessile/src/id.rs
fn=(1) sessile::id::a
10 3
cfi=(2) /src/sessile/src/record/mod.rs
cfn=(2) sessile::record::b
calls=1 5
10 7
fl=(2)
fn=(2)
5 7
fi=(3) /src/sessile/src/storage/memory/mod.rs
6 1
fe=(1)
11 1
fl=(4) /rust/library/core/src/option.rs
12 1
cfi=(5) /src/sessile/src/never_executed.rs
";

        let expected = BTreeSet::from(["id.rs", "record/mod.rs"]);
        assert_eq!(files(output), expected);
    }
}
