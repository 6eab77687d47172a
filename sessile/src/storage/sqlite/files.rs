//! [`Files`]: whether the files of a database are still where they were.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

/// The files of a database in the file system: the database and its write-ahead log.
#[derive(Debug)]
pub(super) struct Files {
    database: Place,
    log: Place,
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
        // SQLite puts the log beside the file itself, not beside a link to it.
        let mut log = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        log.as_mut_os_string().push("-wal");
        Self {
            database: Place::new(path.to_owned()),
            log: Place::new(log),
        }
    }

    /// Whether another file, or none, is at one of the paths.
    pub(super) fn were_moved(&self) -> bool {
        self.database.was_moved() || self.log.was_moved()
    }

    /// Opens the log, if it is still at its path.
    pub(super) fn hold_log(&self) -> Option<HeldFile> {
        let path = self.log.path.clone();
        let file = File::open(&path).ok()?;
        let held = HeldFile {
            place: Place::new(path),
            _file: file,
        };
        (held.place.file.is_some() && held.place.file == self.log.file).then_some(held)
    }

    /// Whether the log of another database is at the path.
    pub(super) fn another_log_is_there(&self) -> bool {
        self.log.was_moved() && FileId::of(&self.log.path).is_some()
    }
}

/// A file that is open, so that no later file gets its number.
#[derive(Debug)]
pub(super) struct HeldFile {
    place: Place,
    _file: File,
}

impl HeldFile {
    /// Whether the file is still at its path.
    pub(super) fn is_there(&self) -> bool {
        !self.place.was_moved()
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
}

/// What tells a file from any other that exists at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let file = path.metadata().ok()?;
        Some(Self {
            device: file.dev(),
            inode: file.ino(),
        })
    }

    /// Other systems refuse to delete a file that is open.
    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }
}
