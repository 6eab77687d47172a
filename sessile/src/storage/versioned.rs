//! A version and a record in one text: 16 hexadecimal digits, and the record's text.

use std::fmt::Write as _;

use super::Version;
use crate::record::Record;

/// The number of characters of a version.
const VERSION_LEN: usize = 16;

/// The text of `record` at `version`.
pub(super) fn encode(version: Version, record: &Record) -> String {
    let mut text = String::with_capacity(VERSION_LEN + record.encoded_len());
    // Writing to a string can't fail.
    let _ = write!(text, "{:016x}", version.get());
    record.encode_to(&mut text);
    text
}

/// `version` as it precedes a record.
#[cfg(feature = "redis-rs-session")]
pub(super) fn version_text(version: Version) -> String {
    format!("{:016x}", version.get())
}

/// The version that `text` begins with, and what follows it.
pub(super) fn split(text: &[u8]) -> Option<(Version, &[u8])> {
    let (digits, record) = text.split_at_checked(VERSION_LEN)?;
    let canonical = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !digits.iter().all(canonical) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    Some((Version::new(number), record))
}
