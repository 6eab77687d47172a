//! What a process wrote.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
};

/// How many lines an error shows.
const TAIL_LINES: usize = 40;

/// A file that takes a process's standard output and standard error, in the order they were written.
///
/// A file and not a pipe: nobody has to read it for the process to go on, and it outlives the process.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    /// Where the current run begins. A restarted process goes on in the same file.
    run_begins: u64,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            run_begins: 0,
        }
    }

    /// Opens the file for a new run: from now on, only what that run writes is read.
    pub(crate) fn begin_run(&mut self) -> io::Result<File> {
        let file = File::options().create(true).append(true).open(&self.path)?;
        self.run_begins = fs::metadata(&self.path)?.len();
        Ok(file)
    }

    /// All that the current run wrote. A file that can't be read is empty: this is for looking and reporting.
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.run_begins))?;
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        }
    }

    /// The first line that contains `text`. A line counts once it is complete: half a port number is none.
    pub(crate) fn line(&self, text: &str) -> Option<String> {
        self.text()
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .find(|line| line.contains(text))
            .map(str::to_owned)
    }

    /// The last lines of the current run.
    pub(crate) fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let skipped = lines.len().saturating_sub(TAIL_LINES);
        match lines[skipped..].join("\n") {
            tail if tail.is_empty() => "(it wrote nothing)".to_owned(),
            tail => tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_line_counts_once_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(folder.path().join("log"));
        let mut file = log.begin_run().unwrap();

        file.write_all(b"starting\nlistening on port 47").unwrap();
        assert_eq!(log.line("port"), None);

        file.write_all(b"11\n").unwrap();
        assert_eq!(log.line("port").as_deref(), Some("listening on port 4711"));
    }

    #[test]
    fn a_new_run_does_not_see_the_lines_of_the_last_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(folder.path().join("log"));

        log.begin_run()
            .unwrap()
            .write_all(b"ready, first\n")
            .unwrap();
        let mut second = log.begin_run().unwrap();
        assert_eq!(log.line("ready"), None);

        second.write_all(b"ready, second\n").unwrap();
        assert_eq!(log.line("ready").as_deref(), Some("ready, second"));
    }

    #[test]
    fn the_tail_is_the_last_lines_or_says_that_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(folder.path().join("log"));
        assert_eq!(log.tail(), "(it wrote nothing)");

        let mut file = log.begin_run().unwrap();
        for number in 1..=100 {
            writeln!(file, "line {number}").unwrap();
        }

        let tail = log.tail();
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 100"), "{tail}");
    }
}
