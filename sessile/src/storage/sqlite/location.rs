//! [`Location`]: where a database is.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use rusqlite::OpenFlags;

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    Memory,
    File { path: PathBuf, flags: OpenFlags },
}

const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY;
pub(super) const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE;
/// For reading and writing a file, which is created if it is missing.
pub(super) const CREATE: OpenFlags = READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE);

/// Why an address names no database. Contains no path and no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LocationError {
    #[error("the path of the database is empty: pass a path, or :memory: for a database in memory")]
    Empty,
    #[error("the path of the database is not UTF-8 after its percent-encoding is removed")]
    NotUtf8,
    #[error("the address of the database names a host: a file: address may only name localhost")]
    Host,
    #[error(
        "the address of the database has the unknown parameter `{0}`: only `mode` and `cache` are known"
    )]
    Parameter(String),
    #[error("the parameter `mode` of the database is none of ro, rw, rwc and memory")]
    Mode,
    #[error("the parameter `cache` of the database is neither private nor shared")]
    Cache,
    #[error("only a database in memory can have cache=shared: remove it from the address")]
    SharedFile,
}

impl Location {
    /// The location that `text` names: a path, an address with `sqlite:`, or an address with `file:`, which
    /// is SQLite's own form (<https://www.sqlite.org/uri.html>).
    pub(super) fn parse(text: &str) -> Result<Self, LocationError> {
        let (rest, has_scheme) = match text.strip_prefix("sqlite:") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if let Some(address) = rest.strip_prefix("file:") {
            return Self::of_address(without_host(address)?);
        }
        if has_scheme {
            return Self::of_address(rest.strip_prefix("//").unwrap_or(rest));
        }
        Self::of_path(text.to_owned(), CREATE)
    }

    /// The location that is named by what follows the scheme of an address.
    fn of_address(address: &str) -> Result<Self, LocationError> {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let mut flags = Some(CREATE);
        let mut shared = false;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("mode", "ro") => flags = Some(READ_ONLY),
                ("mode", "rw") => flags = Some(READ_WRITE),
                ("mode", "rwc") => flags = Some(CREATE),
                ("mode", "memory") => flags = None,
                ("mode", _) => return Err(LocationError::Mode),
                ("cache", "private") => shared = false,
                ("cache", "shared") => shared = true,
                ("cache", _) => return Err(LocationError::Cache),
                (name, _) => return Err(LocationError::Parameter(name.to_owned())),
            }
        }
        let Some(flags) = flags else {
            return Ok(Self::Memory);
        };
        let path = percent_decode_str(path).decode_utf8();
        let path = path.map_err(|_| LocationError::NotUtf8)?.into_owned();
        match Self::of_path(path, flags)? {
            Self::File { .. } if shared => Err(LocationError::SharedFile),
            location => Ok(location),
        }
    }

    fn of_path(path: String, flags: OpenFlags) -> Result<Self, LocationError> {
        match path.as_str() {
            // SQLite would open a temporary database, another one for each connection.
            "" => Err(LocationError::Empty),
            ":memory:" => Ok(Self::Memory),
            _ => Ok(Self::File {
                path: path.into(),
                flags,
            }),
        }
    }

    /// The same location after the process has changed its working directory.
    pub(super) fn absolute(self) -> io::Result<Self> {
        Ok(match self {
            Self::Memory => Self::Memory,
            Self::File { path, flags } => Self::File {
                path: std::path::absolute(path)?,
                flags,
            },
        })
    }

    /// The path of the file, if the database is in one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::File { path, .. } => Some(path),
        }
    }
}

/// For messages.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("the database in memory"),
            Self::File { path, .. } => write!(f, "the database file {}", path.display()),
        }
    }
}

/// The path and query of a `file:` address.
fn without_host(address: &str) -> Result<&str, LocationError> {
    let (address, _fragment) = address.split_once('#').unwrap_or((address, ""));
    let Some(rest) = address.strip_prefix("//") else {
        return Ok(address);
    };
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if path.is_empty() || path.starts_with(['/', '?']) {
        Ok(path)
    } else {
        Err(LocationError::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, flags: OpenFlags) -> Result<Location, LocationError> {
        Ok(Location::File {
            path: path.into(),
            flags,
        })
    }

    #[test]
    fn a_location_is_in_memory_in_all_spellings() {
        for text in [
            ":memory:",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite::memory:?cache=shared",
            "sqlite://x?mode=memory",
            "sqlite://x?cache=shared&mode=memory",
            "sqlite://?mode=memory",
            "file::memory:",
            "file::memory:?cache=shared",
            "file::memory:?cache=private",
            "file:name?mode=memory",
            "file:name?mode=memory&cache=shared#fragment",
            "file:///name?mode=memory",
            "file:?mode=memory",
            "sqlite:file::memory:",
        ] {
            assert_eq!(Location::parse(text), Ok(Location::Memory), "{text}");
        }
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        for path in [
            "sessions.db",
            "odd:memory:name",
            "dir/mode=memory.db",
            "x?mode=memory",
            "100%25.db",
            "sqlite.db",
        ] {
            assert_eq!(Location::parse(path), file(path, CREATE));
        }
    }

    #[test]
    fn an_address_names_a_path_and_a_mode() {
        for (address, path, flags) in [
            ("sqlite:x.db", "x.db", CREATE),
            ("sqlite://x.db", "x.db", CREATE),
            ("sqlite:///x.db", "/x.db", CREATE),
            ("sqlite://x.db?mode=ro", "x.db", READ_ONLY),
            ("sqlite://x.db?mode=rw", "x.db", READ_WRITE),
            ("sqlite://x.db?mode=rwc", "x.db", CREATE),
            ("sqlite://x.db?cache=private", "x.db", CREATE),
            ("sqlite://mode=memory/x.db", "mode=memory/x.db", CREATE),
            ("sqlite://a%20b%3f.db", "a b?.db", CREATE),
            ("file:x.db", "x.db", CREATE),
            ("file:/x.db", "/x.db", CREATE),
            ("file:///x.db", "/x.db", CREATE),
            ("file://localhost/x.db?mode=rw", "/x.db", READ_WRITE),
            ("file:x.db#fragment", "x.db", CREATE),
            ("sqlite:file:x.db", "x.db", CREATE),
        ] {
            assert_eq!(Location::parse(address), file(path, flags), "{address}");
        }
    }

    #[test]
    fn an_address_that_names_no_database_is_refused() {
        let parameter = |name: &str| LocationError::Parameter(name.to_owned());
        for (address, error) in [
            ("", LocationError::Empty),
            ("sqlite:", LocationError::Empty),
            ("sqlite://", LocationError::Empty),
            ("sqlite://?mode=rw", LocationError::Empty),
            ("file:", LocationError::Empty),
            ("sqlite://x?mode=sideways", LocationError::Mode),
            ("sqlite://x?mode", LocationError::Mode),
            ("sqlite://x?cache=large", LocationError::Cache),
            ("sqlite://x?cache=shared", LocationError::SharedFile),
            ("sqlite://x?immutable=1", parameter("immutable")),
            ("sqlite://x?mode=rw&vfs=unix", parameter("vfs")),
            ("file:x?Mode=ro", parameter("Mode")),
            ("file://host/x.db", LocationError::Host),
            ("file://localhostess/x.db", LocationError::Host),
            ("sqlite:%ff.db", LocationError::NotUtf8),
        ] {
            assert_eq!(Location::parse(address), Err(error), "{address}");
        }
    }
}
