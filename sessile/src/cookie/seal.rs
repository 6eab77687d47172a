//! Sealing and opening cookie values, byte-compatible with the signed and private jars of the
//! `cookie` crate under the same key.

use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit as _, aead::AeadInOut as _};
use base64_simd::{Out, STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::random;

const HALF: usize = SealingKey::LEN / 2;
pub(super) const NONCE_LEN: usize = 12;
pub(super) const TAG_LEN: usize = 16;
/// A SHA-256 digest in padded base64.
pub(super) const DIGEST_TEXT_LEN: usize = 44;

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

    /// Appends what goes in front of a content, `parts` put together, in a signed jar: its MAC.
    pub(crate) fn sign(&self, parts: &[&str], out: &mut String) {
        let mac = parts.iter().fold(self.mac.clone(), Mac::chain_update);
        STANDARD.encode_append(mac.finalize().into_bytes(), out);
    }

    /// The content of a `value` that a signed jar made, with its MAC in front.
    pub(crate) fn verify<'a>(&self, value: &'a str) -> Option<&'a str> {
        let (digest, content) = value.split_at_checked(DIGEST_TEXT_LEN)?;
        let mut bytes = [0; DIGEST_TEXT_LEN];
        let digest = STANDARD
            .decode(digest.as_bytes(), Out::from_slice(&mut bytes))
            .ok()?;
        self.mac
            .clone()
            .chain_update(content)
            .verify_slice(digest)
            .ok()?;
        Some(content)
    }

    /// Appends `[nonce | ciphertext | tag]` in base64, as a private jar makes it for a cookie called
    /// `name` with both parts of a content.
    pub(crate) fn encrypt(&self, name: &str, content: [&[u8]; 2], out: &mut String) {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let [first, second] = content;
        let content_len = first.len() + second.len();
        with_buffer(NONCE_LEN + content_len + TAG_LEN, |sealed| {
            let (head, rest) = sealed.split_at_mut(NONCE_LEN);
            let (ciphertext, tail) = rest.split_at_mut(content_len);
            head.copy_from_slice(&nonce);
            ciphertext[..first.len()].copy_from_slice(first);
            ciphertext[first.len()..].copy_from_slice(second);
            #[expect(
                clippy::expect_used,
                reason = "fails only for content of 64 GiB, and a state is bounded far below"
            )]
            let tag = self
                .cipher
                .encrypt_inout_detached(&nonce.into(), name.as_bytes(), ciphertext.into())
                .expect("content is shorter than AES-GCM's limit");
            tail.copy_from_slice(&tag);
            STANDARD.encode_append(sealed, out);
        });
    }

    /// What `read` makes of the content of a `value` that [`encrypt`](Self::encrypt) made for the same
    /// `name`.
    pub(crate) fn decrypt<T>(
        &self,
        name: &str,
        value: &[u8],
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        with_buffer(value.len(), |buffer| {
            let sealed = STANDARD.decode(value, Out::from_slice(buffer)).ok()?;
            let (nonce, rest) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
            let (content, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
            let nonce = (*nonce).into();
            let tag = (*tag).into();
            let name = name.as_bytes();
            self.cipher
                .decrypt_inout_detached(&nonce, name, (&mut *content).into(), &tag)
                .ok()?;
            read(content)
        })
    }
}

/// Calls `body` with a buffer of `len` bytes. The buffer is on the stack if it is long enough for a session key
/// or a small record.
fn with_buffer<T>(len: usize, body: impl FnOnce(&mut [u8]) -> T) -> T {
    const FEW: usize = 512;
    if len <= FEW {
        body(&mut [0; FEW][..len])
    } else {
        body(&mut vec![0; len])
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
