//! Reading a file of keys.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    path::Path,
};

use super::KeyRingError;

/// The maximum size of the file in bytes, which is enough for 500 keys. A wrong path may lead to a file without an end.
const MAX_LEN: u64 = 64 * 1024;

/// The text in the file, to which only its owner has access.
pub(super) fn read(path: &Path) -> Result<String, KeyRingError> {
    let unreadable = |source| KeyRingError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file and not of the path, which may lead to another file by now.
    let metadata = file.metadata().map_err(unreadable)?;
    if let Some(mode) = exposing_mode(&metadata) {
        return Err(KeyRingError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    let len = file.take(MAX_LEN + 1).read_to_string(&mut text);
    if len.map_err(unreadable)? as u64 > MAX_LEN {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

/// The permission bits of the file, if they give access to others.
#[cfg(unix)]
fn exposing_mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = metadata.mode() & 0o777;
    is_exposing(mode, metadata.uid()).then_some(mode)
}

#[cfg(not(unix))]
fn exposing_mode(_: &Metadata) -> Option<u32> {
    None
}

/// Whether the mode gives access to others than the owner. The group of a file that `root` owns may read it, because
/// Kubernetes mounts secrets that way.
#[cfg(unix)]
const fn is_exposing(mode: u32, owner: u32) -> bool {
    const ROOT: u32 = 0;
    let allowed = if owner == ROOT { 0o740 } else { 0o700 };
    mode & !allowed != 0
}

#[cfg(all(test, unix))]
mod tests {
    use super::is_exposing;

    #[test]
    fn only_the_owner_and_the_group_of_root_have_access() {
        for (mode, of_root, of_a_user) in [
            (0o400, false, false),
            (0o600, false, false),
            (0o700, false, false),
            (0o440, false, true),
            (0o640, false, true),
            (0o660, true, true),
            (0o610, true, true),
            (0o604, true, true),
            (0o644, true, true),
            (0o602, true, true),
            (0o601, true, true),
        ] {
            assert_eq!(is_exposing(mode, 0), of_root, "{mode:o}");
            assert_eq!(is_exposing(mode, 1000), of_a_user, "{mode:o}");
        }
    }
}
