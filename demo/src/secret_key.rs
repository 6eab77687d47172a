//! The secret key that seals the cookies. It is stored in a file, so sessions survive a restart.

use std::{
    io,
    path::{Path, PathBuf},
};

use sessile::{config::KeyRing, engine::SealingKey, error::KeyRingError};

use crate::private_file;

/// The key could not be read or created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretKeyError {
    #[error("the key file {} can't be used; remove it to create a new key, which ends all sessions", path.display())]
    Load { path: PathBuf, source: KeyRingError },

    #[error("the key file {} can't be created", path.display())]
    Create { path: PathBuf, source: io::Error },

    #[error("the operating system returned no random bytes for a new key")]
    Random(#[source] getrandom::Error),
}

/// Reads the keys from `path`. If the file does not exist, creates it with a new key.
pub(crate) fn load_or_create(path: &Path) -> Result<KeyRing, SecretKeyError> {
    let loaded = match KeyRing::from_file(path) {
        Err(KeyRingError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            KeyRing::from_file(path)
        }
        loaded => loaded,
    };
    loaded.map_err(|source| SecretKeyError::Load {
        path: path.to_owned(),
        source,
    })
}

fn create(path: &Path) -> Result<(), SecretKeyError> {
    let mut bytes = [0; SealingKey::LEN];
    getrandom::fill(&mut bytes).map_err(SecretKeyError::Random)?;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();

    private_file::create(path, &format!("{digits}\n")).map_err(|source| {
        SecretKeyError::Create {
            path: path.to_owned(),
            source,
        }
    })?;
    tracing::info!(path = %path.display(), "created a secret key");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_created_key_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.key");
        load_or_create(&path).unwrap();
        let created = fs::read_to_string(&path).unwrap();
        assert!(created.trim_end().parse::<SealingKey>().is_ok());
        load_or_create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), created);
    }

    #[test]
    fn two_created_keys_differ() {
        let folder = tempfile::tempdir().unwrap();
        let created = |name| {
            let path = folder.path().join(name);
            load_or_create(&path).unwrap();
            fs::read_to_string(path).unwrap()
        };
        assert_ne!(created("one.key"), created("other.key"));
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = load_or_create(&folder.path().join("none").join("demo.key")).err();
        assert!(matches!(error, Some(SecretKeyError::Create { .. })));
    }
}
