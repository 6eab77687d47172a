//! The output of a process.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
};

/// The number of lines that an error shows.
const TAIL_LINES: usize = 40;

/// A file that receives the standard output and the standard error of a process, in the order of the writes.
///
/// It is a file because a pipe would block the process if the test did not read it. A file also outlives the process.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    /// The position at which the current run begins. A restarted process appends to the same file.
    run_begins: u64,
}

impl Log {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            run_begins: 0,
        }
    }

    /// Opens the file for a new run. The other methods then read only the output of this run.
    pub(crate) fn begin_run(&mut self) -> io::Result<File> {
        let file = File::options().create(true).append(true).open(&self.path)?;
        self.run_begins = fs::metadata(&self.path)?.len();
        Ok(file)
    }

    /// The whole output of the current run. It is empty if the file can't be read.
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

    /// The first complete line that contains `text`. An incomplete line may end within a port number.
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
            tail if tail.is_empty() => "(no output)".to_owned(),
            tail => tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn an_incomplete_line_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(folder.path().join("log"));
        let mut file = log.begin_run().unwrap();

        file.write_all(b"starting\nlistening on port 47").unwrap();
        assert_eq!(log.line("port"), None);

        file.write_all(b"11\n").unwrap();
        assert_eq!(log.line("port").as_deref(), Some("listening on port 4711"));
    }

    #[test]
    fn a_new_run_does_not_have_the_lines_of_the_last_one() {
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
    fn the_tail_has_the_last_lines_or_says_that_there_is_no_output() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(folder.path().join("log"));
        assert_eq!(log.tail(), "(no output)");

        let mut file = log.begin_run().unwrap();
        for number in 1..=100 {
            writeln!(file, "line {number}").unwrap();
        }

        let tail = log.tail();
        assert_eq!(tail.lines().count(), TAIL_LINES);
        assert!(tail.ends_with("line 100"), "{tail}");
    }
}
