//! [`Ids`]: ids of sessions that tell this store, and nobody else, where they are.

use std::hash::{BuildHasher as _, RandomState};

use base64_simd::{Out, URL_SAFE_NO_PAD};

use crate::key::{ID_LEN, KeyBytes, SECRET_LEN, SessionKey};

/// A [`SessionKey`] of the form that this store makes.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// Where its session is, if anywhere.
    pub(super) place: u32,
    pub(super) id: Id,
    pub(super) secret: Secret,
}

/// The bytes of an id that a place takes.
const PLACE_LEN: usize = size_of::<u32>();

/// The bytes at the head of an id that are looked at to find its place, and as many again to unhide it. Each six are
/// eight characters, so neither needs the others.
const HEAD: usize = 6;
const SALT_LEN: usize = 8;

pub(super) type Id = [u8; ID_LEN];
pub(super) type Secret = [u8; SECRET_LEN];

/// Makes and reads the ids of one store.
///
/// An id looks like any other, 16 bytes in base64. Four of them are the place of the session, so that it is found
/// without a search, and the others are random. The place is hidden by a keyed hash of some of those, which
/// only the store can calculate: whoever gets to see ids could tell by it how many sessions there are.
#[derive(Clone, Default)]
pub(super) struct Ids(RandomState);

impl Ids {
    /// A new key for a session at `place`, which is random otherwise.
    pub(super) fn new_key(&self, place: u32, mut bytes: KeyBytes) -> SessionKey {
        let id = &mut bytes.id;
        let mut salt = [0; SALT_LEN];
        let _ = URL_SAFE_NO_PAD.encode(&id[HEAD..2 * HEAD], Out::from_slice(&mut salt));
        let hidden = place ^ self.mask(salt);
        id[..PLACE_LEN].copy_from_slice(&hidden.to_le_bytes());
        SessionKey::of_bytes(&bytes)
    }

    /// The parts of `key`; nothing if it is of another form, and so leads nowhere.
    pub(super) fn key(&self, key: &SessionKey) -> Option<Key> {
        let (id, rest) = key.as_ref().as_bytes().split_first_chunk()?;
        let secret = rest.strip_prefix(b".")?;
        Some(Key {
            place: self.place(id)?,
            id: *id,
            secret: secret.try_into().ok()?,
        })
    }

    fn place(&self, id: &Id) -> Option<u32> {
        let (head, rest) = id.split_first_chunk::<SALT_LEN>()?;
        let mut bytes = [0; HEAD];
        let decoded = URL_SAFE_NO_PAD.decode(head, Out::from_slice(&mut bytes));
        let hidden = decoded.ok()?.first_chunk()?;
        Some(u32::from_le_bytes(*hidden) ^ self.mask(*rest.first_chunk()?))
    }

    fn mask(&self, salt: [u8; SALT_LEN]) -> u32 {
        self.0.hash_one(u64::from_ne_bytes(salt)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_the_place_to_its_store_only() {
        let (ids, others) = (Ids::default(), Ids::default());
        let mut told_to_others = 0;
        for place in (0..1000).chain([u32::MAX]) {
            let key = ids.new_key(place, KeyBytes::random());
            let read = ids.key(&key).unwrap();
            assert_eq!(read.place, place);
            assert_eq!(read.id, key.id().as_bytes());
            assert_eq!(read.secret, key.secret().as_bytes());
            assert_eq!(ids.key(&key.renewed()).unwrap().id, read.id);
            told_to_others += usize::from(others.key(&key).unwrap().place == place);
        }
        assert!(told_to_others < 3);
    }

    #[test]
    fn what_is_of_another_form_is_no_key() {
        let ids = Ids::default();
        let text = String::from(ids.new_key(7, KeyBytes::random()));
        let (id, secret) = text.split_once('.').unwrap();
        for text in [
            id.to_owned(),
            format!("{id}."),
            format!("{id}.{secret}="),
            format!("{id}-{secret}"),
            format!("x{id}.{secret}"),
            format!("!{}.{secret}", &id[1..]),
        ] {
            let key = SessionKey::try_from(text).unwrap();
            assert!(ids.key(&key).is_none(), "{key:?}");
        }
    }
}
