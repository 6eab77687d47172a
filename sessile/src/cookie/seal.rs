//! Sealing and opening cookie values, byte-compatible with the signed and private jars of the
//! `cookie` crate under the same key.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead as _, AeadInOut as _, Payload},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::random;

const HALF: usize = SealingKey::LEN / 2;
const NONCE_LEN: usize = 12;
/// A SHA-256 digest in padded base64.
const DIGEST_TEXT_LEN: usize = 44;

/// The secret that cookies are sealed with: 64 bytes, of which one half signs and the other
/// encrypts.
///
/// The same bytes as `actix_web::cookie::Key` make the same cookies. The ciphers are keyed once,
/// when this is made. `Debug` is redacted, there is no `Display`, and comparison takes constant
/// time.
///
/// ```
/// use sessile::SealingKey;
///
/// let key = SealingKey::generate();
/// assert_eq!(format!("{key:?}"), "SealingKey(..)");
/// assert!(SealingKey::try_from(&[0; 32][..]).is_err());
/// ```
#[derive(Clone)]
pub struct SealingKey {
    pub(super) master: [u8; Self::LEN],
    mac: Hmac<Sha256>,
    cipher: Aes256Gcm,
}

impl SealingKey {
    /// The length of the key in bytes.
    pub const LEN: usize = 64;

    /// A new key from the operating system's generator.
    ///
    /// Cookies sealed with it can't be opened with any other: keep the key where a restarted
    /// server, and every other server of the application, finds it again.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    #[must_use]
    pub fn generate() -> Self {
        Self::from(random::bytes())
    }

    /// `[MAC | content]`, as a signed jar makes it.
    pub(crate) fn sign(&self, content: &str) -> String {
        let digest = self
            .mac
            .clone()
            .chain_update(content)
            .finalize()
            .into_bytes();
        let mut value = String::with_capacity(DIGEST_TEXT_LEN + content.len());
        STANDARD.encode_string(digest, &mut value);
        value.push_str(content);
        value
    }

    /// The content of a `value` that [`sign`](Self::sign) made.
    pub(crate) fn verify<'a>(&self, value: &'a str) -> Option<&'a str> {
        let (digest, content) = value.split_at_checked(DIGEST_TEXT_LEN)?;
        let digest = STANDARD.decode(digest).ok()?;
        self.mac
            .clone()
            .chain_update(content)
            .verify_slice(&digest)
            .ok()?;
        Some(content)
    }

    /// `[nonce | ciphertext | tag]` in base64, as a private jar makes it for a cookie called
    /// `name`.
    pub(crate) fn encrypt(&self, name: &str, content: &str) -> String {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut sealed = Vec::with_capacity(NONCE_LEN + content.len() + 16);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content.as_bytes());
        #[expect(
            clippy::expect_used,
            reason = "fails only for content of 64 GiB, and a state is bounded far below"
        )]
        let tag = self
            .cipher
            .encrypt_inout_detached(
                &nonce.into(),
                name.as_bytes(),
                (&mut sealed[NONCE_LEN..]).into(),
            )
            .expect("content is shorter than AES-GCM's limit");
        sealed.extend_from_slice(&tag);
        STANDARD.encode(sealed)
    }

    /// The content of a `value` that [`encrypt`](Self::encrypt) made for the same `name`.
    pub(crate) fn decrypt(&self, name: &str, value: &str) -> Option<String> {
        let sealed = STANDARD.decode(value).ok()?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let payload = Payload {
            msg: ciphertext,
            aad: name.as_bytes(),
        };
        let content = self.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        String::from_utf8(content).ok()
    }
}

impl From<[u8; Self::LEN]> for SealingKey {
    fn from(master: [u8; Self::LEN]) -> Self {
        let mut signing = [0; HALF];
        let mut encryption = [0; HALF];
        signing.copy_from_slice(&master[..HALF]);
        encryption.copy_from_slice(&master[HALF..]);
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&signing)
            .expect("HMAC takes keys of any length");
        Self {
            master,
            mac,
            cipher: Aes256Gcm::new(&encryption.into()),
        }
    }
}

/// The bytes are not a [`SealingKey`]'s, which has [`SealingKey::LEN`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealing key has {expected} bytes, not {len}", expected = SealingKey::LEN)]
#[non_exhaustive]
pub struct InvalidSealingKeyError {
    /// How many bytes were given.
    pub len: usize,
}

impl TryFrom<&[u8]> for SealingKey {
    type Error = InvalidSealingKeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        <[u8; Self::LEN]>::try_from(bytes)
            .map(Self::from)
            .map_err(|_| InvalidSealingKeyError { len: bytes.len() })
    }
}

impl PartialEq for SealingKey {
    fn eq(&self, other: &Self) -> bool {
        self.master.ct_eq(&other.master).into()
    }
}

impl Eq for SealingKey {}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}
