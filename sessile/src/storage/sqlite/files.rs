//! [`Files`]: whether the files of a database are still where they were.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The files of a database in the file system.
#[derive(Debug)]
pub(super) struct Files {
    database: Place,
    /// The write-ahead log, `-wal`.
    log: Place,
    /// The index of the log, `-shm`. The locks of writers are in it.
    index: Place,
}

/// A path, and the file that was there.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    file: Option<FileId>,
}

impl Files {
    /// The files of the database at `path`, which is open.
    pub(super) fn of(path: &Path) -> Self {
        // SQLite puts the others beside the file itself, not beside a link to it.
        let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let beside = |suffix| {
            let mut path = file.clone();
            path.as_mut_os_string().push(suffix);
            Place::new(path)
        };
        Self {
            database: Place::new(path.to_owned()),
            log: beside("-wal"),
            index: beside("-shm"),
        }
    }

    /// Whether another file, or none, is at one of the paths.
    pub(super) fn were_moved(&self) -> bool {
        self.database.was_moved() || self.log.was_moved() || self.index.was_moved()
    }

    /// Whether the log or its index is still at its path.
    pub(super) fn log_or_index_is_there(&self) -> bool {
        self.log.is_there() || self.index.is_there()
    }

    /// Whether the log of another database is at the path.
    pub(super) fn another_log_is_there(&self) -> bool {
        self.log.was_moved() && FileId::of(&self.log.path).is_some()
    }
}

impl Place {
    fn new(path: PathBuf) -> Self {
        let file = FileId::of(&path);
        Self { path, file }
    }

    fn was_moved(&self) -> bool {
        FileId::of(&self.path) != self.file
    }

    fn is_there(&self) -> bool {
        self.file.is_some() && !self.was_moved()
    }
}

/// What tells a file from any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
    /// A later file can have the same number. Not every file system knows when it created a file.
    created: Option<SystemTime>,
}

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let file = path.metadata().ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
            created: file.created().ok(),
        })
    }

    /// Other systems refuse to delete a file that is open.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }
}
