//! The errors of keys. None of them contains a key, or a part of one.

use std::{error::Error, io, path::PathBuf};

use crate::cookie::SealingKey;

/// A [`KeyRing`](crate::config::KeyRing) could not be made or changed. It contains no key.
///
/// ```
/// use sessile::{config::KeyRing, error::KeyRingError};
///
/// let error = KeyRing::from_text("# a comment\n0123").unwrap_err();
/// assert!(matches!(error, KeyRingError::Key { line: 2, .. }));
/// assert_eq!(error.to_string(), "line 2 of the keys is invalid");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// There are no keys.
    #[error("a key ring needs at least one key")]
    NoKeys,
    /// A line of the text is not a key.
    #[error("line {line} of the keys is invalid")]
    Key {
        /// The number of the line, from 1.
        line: usize,
        /// The reason.
        source: InvalidSealingKeyError,
    },
    /// The file can't be read, or is not text.
    #[error("the key file {} can't be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// Others than its owner have access to the file.
    #[error(
        "other users have access to the key file {path} (mode {mode:03o}): \
         remove their access with `chmod 600 {path}`, and replace its keys",
        path = path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The closure that the ring was made with has failed.
    #[error("the source of the keys failed")]
    Source(#[source] Box<dyn Error + Send + Sync>),
    /// The ring was made from keys or from a text, so there is nothing to load again.
    #[error("the key ring was made neither from a file nor from a closure")]
    NoSource,
}

/// Some bytes, or a text, are not a [`SealingKey`].
///
/// ```
/// use sessile::engine::SealingKey;
///
/// let error = SealingKey::try_from(&[0; 32][..]).unwrap_err();
/// assert_eq!(error.to_string(), "a sealing key has 64 bytes, not 32");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSealingKeyError {
    /// The number of bytes is not [`SealingKey::LEN`].
    #[error("a sealing key has {expected} bytes, not {len}", expected = SealingKey::LEN)]
    Length {
        /// The number of bytes.
        len: usize,
    },
    /// The text is neither hexadecimal nor base64.
    #[error("the text of a sealing key is neither hexadecimal nor base64")]
    Encoding,
}
