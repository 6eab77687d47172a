//! [`Secret`], which opens a session, and [`SecretDigest`], which a record keeps of it.

use std::fmt;

use subtle::ConstantTimeEq as _;

use super::{decode_16, encode_16, truncated_digest};
use crate::random;

/// The part of a session key that opens the session. Compared in constant time, and never shown.
#[derive(Clone, Copy)]
pub(crate) struct Secret([u8; Self::LEN]);

impl Secret {
    pub(crate) const LEN: usize = 16;

    pub(crate) fn generate() -> Self {
        Self(random::bytes())
    }

    pub(crate) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The digest that a record keeps. It recognizes the secret, and does not open the session.
    pub(crate) fn digest(&self) -> SecretDigest {
        SecretDigest(truncated_digest(&self.0))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(self.0, other.0)
    }
}

impl Eq for Secret {}

/// The first 16 bytes of the SHA-256 of a secret. Guessing a secret of 128 bits is no harder than
/// finding one for a digest of 128 bits. Compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct SecretDigest([u8; 16]);

impl SecretDigest {
    pub(crate) fn encode<'a>(&self, buffer: &'a mut [u8; 22]) -> &'a str {
        encode_16(&self.0, buffer)
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        decode_16(text).map(Self)
    }
}

impl PartialEq for SecretDigest {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(self.0, other.0)
    }
}

impl Eq for SecretDigest {}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(..)")
    }
}

/// Compares the bytes as one number, which is faster than byte by byte.
fn equal_in_constant_time(one: [u8; 16], other: [u8; 16]) -> bool {
    u128::from_ne_bytes(one)
        .ct_eq(&u128::from_ne_bytes(other))
        .into()
}
