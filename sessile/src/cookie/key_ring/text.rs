//! Keys as text.

use std::str::FromStr;

use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{InvalidSealingKeyError, KeyRingError};
use crate::cookie::SealingKey;

/// The keys in the lines of `text`.
pub(super) fn keys(text: &str) -> Result<Vec<SealingKey>, KeyRingError> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, key)| {
            key.parse()
                .map_err(|source| KeyRingError::Key { line, source })
        })
        .collect()
}

/// From 64 bytes in hexadecimal, or in base64 of the standard or the URL-safe alphabet, with or without padding.
impl FromStr for SealingKey {
    type Err = InvalidSealingKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // No key of 64 bytes is both: it has 128 digits, or 86 characters in base64.
        let bytes = from_hex(text).or_else(|| from_base64(text));
        Self::try_from(&*bytes.ok_or(InvalidSealingKeyError::Encoding)?)
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect();
    let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| high << 4 | low);
    rest.is_empty().then(|| bytes.collect())
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let encoding = match text.contains(['-', '_']) {
        true => URL_SAFE_NO_PAD,
        false => STANDARD_NO_PAD,
    };
    encoding.decode_to_vec(text).ok()
}
