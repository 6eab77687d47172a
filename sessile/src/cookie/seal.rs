//! Sealing and opening cookie values.
//!
//! The keys are derived from the application's key, so no other value that the application seals with its key is
//! accepted as a session. The seal includes the cookie's name.
//!
//! The cipher is AES-128-GCM-SIV. It derives a key for each message, and a repeated nonce reveals only that two
//! cookies are equal. So neither 2^32 cookies nor a copied virtual machine endangers the seal, and the thread's
//! generator can create the nonces, without a system call. Sealing a small cookie takes 0.29 µs; with a 256-bit key
//! it takes 0.45 µs. AES-256-GCM takes 0.17 µs, but breaks if a nonce repeats. 128 bits are the minimum of ASVS 5.0
//! (11.2.3) and of TLS 1.3.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use aes::Aes128Enc;
use aes_gcm_siv::{AeadInPlace as _, AesGcmSiv, KeyInit as _};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::InvalidSealingKeyError;
use crate::{config::CookieContentSecurity, random, record::actix_session};

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
const DIGEST_LEN: usize = 32;
const DIGEST_TEXT_LEN: usize = base64_len(DIGEST_LEN);

/// The length of this number of bytes in base64.
pub(super) const fn base64_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// The secret that cookies are sealed with: 64 bytes.
///
/// The application may use the same bytes for its own cookies, as `actix_web::cookie::Key`: session keys are derived
/// from them (HKDF, RFC 5869). Only
/// [`accept_actix_session_cookies`](crate::config::Settings::accept_actix_session_cookies) makes cookies acceptable
/// that were sealed with the bytes themselves. Private cookies are encrypted with AES-128-GCM-SIV (RFC 8452), and
/// signed cookies carry an HMAC-SHA256. If a nonce is repeated, for example by a copied virtual machine, this cipher
/// reveals only whether two cookies have the same content.
///
/// The keys are derived once, when the value is made. `Debug` is redacted, there is no `Display`, and comparison takes
/// constant time.
///
/// ```
/// use sessile::engine::SealingKey;
///
/// let key = SealingKey::generate();
/// assert_eq!(format!("{key:?}"), "SealingKey(..)");
/// assert!(SealingKey::try_from(&[0; 32][..]).is_err());
/// // 64 bytes in hexadecimal or base64.
/// assert!("0f".repeat(64).parse::<SealingKey>().is_ok());
/// ```
#[derive(Clone)]
pub struct SealingKey {
    /// The application's key, with which actix-session sealed.
    master: cookie::Key,
    mac: Hmac<Sha256>,
    cipher: AesGcmSiv<Aes128Enc>,
}

impl SealingKey {
    /// The length of the key in bytes.
    pub const LEN: usize = 64;

    /// A new random key.
    ///
    /// Cookies sealed with it can't be opened with any other: keep the key where a restarted
    /// server, and every other server of the application, finds it again.
    ///
    /// # Panics
    ///
    /// If the operating system's generator fails.
    #[must_use]
    pub fn generate() -> Self {
        Self::from(random::bytes())
    }

    /// The application's key.
    #[cfg(test)]
    pub(crate) fn master(&self) -> &cookie::Key {
        &self.master
    }

    /// Appends the MAC of a content under `name`, in base64.
    pub(super) fn sign(&self, name: &str, content: &str, out: &mut String) {
        let mac = self.mac_of(name, content.as_bytes());
        URL_SAFE_NO_PAD.encode_append(mac.finalize().into_bytes(), out);
    }

    /// The content of a `value` that begins with its MAC under `name`.
    pub(super) fn verify<'a>(&self, name: &str, value: &'a [u8]) -> Option<&'a [u8]> {
        let (digest, content) = value.split_at_checked(DIGEST_TEXT_LEN)?;
        let mut bytes = [0; DIGEST_LEN];
        let digest = URL_SAFE_NO_PAD.decode(digest, Out::from_slice(&mut bytes));
        let mac = self.mac_of(name, content);
        mac.verify_slice(digest.ok()?).ok()?;
        Some(content)
    }

    /// The MAC of `name=content`. The name of a cookie has no `=`, so no other pair has the same text.
    fn mac_of(&self, name: &str, content: &[u8]) -> Hmac<Sha256> {
        let mac = self.mac.clone().chain_update(name).chain_update("=");
        mac.chain_update(content)
    }

    /// Appends `[nonce | ciphertext | tag]` in base64, for a cookie called `name` with both parts of a content.
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
                .encrypt_in_place_detached(&nonce.into(), name.as_bytes(), ciphertext)
                .expect("content is shorter than the cipher's limit");
            tail.copy_from_slice(&tag);
            URL_SAFE_NO_PAD.encode_append(sealed, out);
        });
    }

    /// The length of what [`encrypt`](Self::encrypt) appends for a content of this length.
    pub(super) const fn encrypted_len(content_len: usize) -> usize {
        base64_len(NONCE_LEN + content_len + TAG_LEN)
    }

    /// The length of what [`sign`](Self::sign) appends.
    pub(super) const SIGNATURE_LEN: usize = DIGEST_TEXT_LEN;

    /// What `read` makes of the content of a `value` that [`encrypt`](Self::encrypt) made for the same
    /// `name`.
    pub(crate) fn decrypt<T>(
        &self,
        name: &str,
        value: &[u8],
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<T> {
        with_buffer(value.len(), |buffer| {
            let sealed = URL_SAFE_NO_PAD
                .decode(value, Out::from_slice(buffer))
                .ok()?;
            let (nonce, rest) = sealed.split_first_chunk_mut::<NONCE_LEN>()?;
            let (content, tag) = rest.split_last_chunk_mut::<TAG_LEN>()?;
            let nonce = (*nonce).into();
            let tag = (*tag).into();
            self.cipher
                .decrypt_in_place_detached(&nonce, name.as_bytes(), content, &tag)
                .ok()?;
            read(content)
        })
    }

    /// The MAC for another `purpose` than that of cookies. It is derived on each call, because few requests need it.
    pub(super) fn mac_for(&self, purpose: &[u8]) -> Hmac<Sha256> {
        hmac_with(&derive_key::<32>(self.master.master(), purpose))
    }

    /// What actix-session sealed with the same key as the `value` of the cookie `name`.
    pub(super) fn open_actix_session(
        &self,
        name: &str,
        value: &[u8],
        security: CookieContentSecurity,
    ) -> Option<String> {
        let value = str::from_utf8(value).ok()?;
        actix_session::unseal(&self.master, name, value, security)
    }
}

/// The keys of a ring, which can be replaced while the server runs.
#[derive(Clone)]
pub(crate) struct SharedKeys(Arc<RwLock<Keys>>);

/// The keys of a ring.
pub(crate) struct Keys {
    /// The key that seals.
    pub(super) first: SealingKey,
    /// The other keys that open.
    pub(super) others: Vec<SealingKey>,
}

impl Keys {
    /// All keys, the one that seals first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl SharedKeys {
    pub(crate) fn new(keys: Keys) -> Self {
        Self(Arc::new(RwLock::new(keys)))
    }

    /// The keys. The guard is held while a cookie is sealed or opened, never across an `.await`.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Keys> {
        // A write is a single assignment.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn replace(&self, keys: Keys) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Whether both seal with the same key.
    #[cfg(feature = "actix")]
    pub(super) fn seals_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.read().first == other.read().first
    }
}

impl From<SealingKey> for SharedKeys {
    fn from(first: SealingKey) -> Self {
        let others = Vec::new();
        Self::new(Keys { first, others })
    }
}

/// Calls `body` with a buffer of `len` bytes. The buffer is on the stack if it is long enough for a session key
/// or a small record.
pub(super) fn with_buffer<T>(len: usize, body: impl FnOnce(&mut [u8]) -> T) -> T {
    const FEW: usize = 512;
    if len <= FEW {
        body(&mut [0; FEW][..len])
    } else {
        body(&mut vec![0; len])
    }
}

impl From<[u8; Self::LEN]> for SealingKey {
    fn from(master: [u8; Self::LEN]) -> Self {
        let mac = hmac_with(&derive_key::<32>(&master, b"signing"));
        Self {
            cipher: AesGcmSiv::new(&derive_key::<16>(&master, b"encryption").into()),
            master: cookie::Key::from(&master),
            mac,
        }
    }
}

fn hmac_with(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Derives the key for `purpose` from the application's key.
fn derive_key<const LEN: usize>(master: &[u8], purpose: &[u8]) -> [u8; LEN] {
    let mut key = [0; LEN];
    let derivation = Hkdf::<Sha256>::new(Some(b"sessile cookie"), master);
    #[expect(clippy::expect_used, reason = "HKDF makes keys of this length")]
    derivation
        .expand(purpose, &mut key)
        .expect("HKDF makes keys of this length");
    key
}

/// From an `actix_web::cookie::Key`.
impl From<cookie::Key> for SealingKey {
    fn from(key: cookie::Key) -> Self {
        let mut master = [0; Self::LEN];
        // Such a key has at least this length, and uses the first bytes.
        master.copy_from_slice(&key.master()[..Self::LEN]);
        master.into()
    }
}

impl TryFrom<&[u8]> for SealingKey {
    type Error = InvalidSealingKeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        <[u8; Self::LEN]>::try_from(bytes)
            .map(Self::from)
            .map_err(|_| InvalidSealingKeyError::Length { len: bytes.len() })
    }
}

impl PartialEq for SealingKey {
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        self.master == other.master
    }
}

impl Eq for SealingKey {}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}
