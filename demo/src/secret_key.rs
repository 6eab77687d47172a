//! The secret key that seals the cookies. It is stored in a file, so sessions survive a restart.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use actix_web::cookie::Key;

/// The size of a key file in bytes. [`Key`] uses one half for signing and the other for encryption.
const LENGTH: usize = 64;

/// The key could not be read or created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretKeyError {
    #[error("the key file {} can't be read", path.display())]
    Read { path: PathBuf, source: io::Error },

    #[error("the key file {} can't be created", path.display())]
    Create { path: PathBuf, source: io::Error },

    #[error("the operating system returned no random bytes for a new key")]
    Random(#[source] getrandom::Error),

    #[error(
        "the key file {} does not have exactly {LENGTH} bytes; \
         remove it to create a new key, which ends all sessions",
        path.display()
    )]
    Length { path: PathBuf },

    #[cfg(unix)]
    #[error(
        "other users have access to the key file {path} (mode {mode:03o}); \
         remove their access with: chmod 600 {path}",
        path = path.display()
    )]
    Exposed { path: PathBuf, mode: u32 },
}

/// Reads the key from `path`. If the file does not exist, creates it.
pub(crate) fn load_or_create(path: &Path) -> Result<Key, SecretKeyError> {
    match File::open(path) {
        Ok(file) => read(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(source) => Err(SecretKeyError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn read(path: &Path, file: File) -> Result<Key, SecretKeyError> {
    refuse_exposed(path, &file)?;

    // One byte more than the length of a key is enough to detect a longer file.
    let mut bytes = Vec::with_capacity(LENGTH + 1);
    file.take(LENGTH as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| SecretKeyError::Read {
            path: path.to_owned(),
            source,
        })?;
    if bytes.len() != LENGTH {
        return Err(SecretKeyError::Length {
            path: path.to_owned(),
        });
    }
    Ok(Key::from(&bytes))
}

/// Checks the open file and not the path, which may lead to another file by now.
#[cfg(unix)]
fn refuse_exposed(path: &Path, file: &File) -> Result<(), SecretKeyError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata().map_err(|source| SecretKeyError::Read {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretKeyError::Exposed {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path, _: &File) -> Result<(), SecretKeyError> {
    Ok(())
}

fn create(path: &Path) -> Result<Key, SecretKeyError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(SecretKeyError::Random)?;

    let mut options = OpenOptions::new();
    // `create_new` never overwrites a file that was created in the meantime.
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
        .open(path)
        .and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        })
        .map_err(|source| SecretKeyError::Create {
            path: path.to_owned(),
            source,
        })?;
    tracing::info!(path = %path.display(), "created a secret key");
    Ok(Key::from(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_created_key_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.key");
        let created = load_or_create(&path).unwrap();
        let read = load_or_create(&path).unwrap();
        assert!(created == read);
        assert_eq!(fs::metadata(&path).unwrap().len(), LENGTH as u64);
    }

    #[test]
    fn two_created_keys_differ() {
        let folder = tempfile::tempdir().unwrap();
        let one = load_or_create(&folder.path().join("one.key")).unwrap();
        let other = load_or_create(&folder.path().join("other.key")).unwrap();
        assert!(one != other);
    }

    #[test]
    fn a_file_of_the_wrong_length_is_refused_and_not_changed() {
        for length in [0, LENGTH - 1, LENGTH + 1] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("demo.key");
            write_private(&path, &vec![7; length]);
            let error = load_or_create(&path).err().unwrap();
            assert!(matches!(error, SecretKeyError::Length { .. }), "{error}");
            assert_eq!(fs::read(&path).unwrap(), vec![7; length]);
        }
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = load_or_create(&folder.path().join("none").join("demo.key")).err();
        assert!(matches!(error, Some(SecretKeyError::Create { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_have_access() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.key");
        load_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        for exposed in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(exposed)).unwrap();
            let error = load_or_create(&path).err().unwrap();
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
    }

    fn write_private(path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}
