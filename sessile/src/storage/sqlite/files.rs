//! [`Files`]: whether the files of a database are still where they were.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The files of a database in the file system.
#[derive(Debug)]
pub(super) struct Files {
    /// The path of the store. It may be a link.
    path: Place,
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
        let database = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let beside = |suffix| {
            let mut path = database.clone();
            path.as_mut_os_string().push(suffix);
            Place::new(path)
        };
        Self {
            path: Place::new(path.to_owned()),
            log: beside("-wal"),
            index: beside("-shm"),
            database: Place::new(database),
        }
    }

    /// Whether another file, or none, is at one of the paths.
    pub(super) fn were_moved(&self) -> bool {
        self.database_was_moved() || self.log.was_moved() || self.index.was_moved()
    }

    /// Whether the path of the store leads to another database, or to none.
    pub(super) fn database_was_moved(&self) -> bool {
        self.path.was_moved()
    }

    /// Whether a log or an index was made since.
    pub(super) fn another_log_is_there(&self) -> bool {
        self.log.was_replaced() || self.index.was_replaced()
    }

    /// Deletes the log and the index of a database that is no longer beside them. SQLite would take them for those
    /// of the database that is there now. Processes that have them open go on to use them, as they do with the
    /// database.
    pub(super) fn delete_what_is_left(&self) {
        if self.database.was_moved() {
            for place in [&self.log, &self.index] {
                if place.file.is_some() && !place.was_moved() {
                    let _ = fs::remove_file(&place.path);
                }
            }
        }
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

    /// Whether another file is at the path.
    fn was_replaced(&self) -> bool {
        let file = FileId::of(&self.path);
        file.is_some() && file != self.file
    }
}

/// The identity of a file.
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
