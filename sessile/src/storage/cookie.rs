//! [`CookieSessionStore`]: the state itself travels in the cookie.

use std::time::Duration;

use serde::Deserialize;

use super::{Loaded, SessionKey, SessionStore, StoreError, StoreErrorKind, Stored, Swap, Version};
use crate::{
    clock::{Clock, SharedClock, Timestamp},
    json, legacy,
    record::{self, DecodeError, Reader, Record},
};

/// Keeps nothing: the session key *is* the session, sealed into the cookie with the time at which
/// it ends.
///
/// Costs no round trip and no memory. In exchange:
///
/// - The server can't take a session back. `purge` and `renew` change what this browser holds; a
///   copy of the old cookie is good until its time is over. Keep the time to live short.
/// - Requests that run at once can't be merged: each starts from the cookie it came with, and the
///   browser keeps the cookie that arrives last.
/// - All that a session holds has to fit into 4096 bytes with the cookie's name and attributes,
///   after sealing. More is a typed error, not a cookie that browsers drop.
/// - Under [`Signed`](crate::CookieContentSecurity::Signed) the client can read the state.
/// - What `actix-session` left in a browser is a session as well. It has no end of its own: see
///   [`Settings::accept_legacy`](crate::Settings::accept_legacy).
///
/// ```
/// use std::time::Duration;
/// use sessile::{Clock, Record, SystemClock, storage::{CookieSessionStore, SessionStore}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = CookieSessionStore::default();
/// let record = Record::new(SystemClock.now());
/// let stored = store.create(&record, Duration::from_secs(60)).await?;
///
/// assert_eq!(store.load(&stored.key).await?.unwrap().record, record);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct CookieSessionStore {
    clock: SharedClock,
}

impl CookieSessionStore {
    /// A store that reads the time from `clock` instead of the operating system: for tests.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            clock: SharedClock::new(clock),
        }
    }

    fn key_of(&self, record: &Record, ttl: Duration) -> Stored {
        let ends_at = self.clock.now().saturating_add(ttl).as_unix_millis();
        let mut digits = itoa::Buffer::new();
        let head = [r#"{"e":"#, digits.format(ends_at), r#","r":"#];
        let head_len: usize = head.iter().map(|part| part.len()).sum();
        let mut text = String::with_capacity(head_len + record.encoded_len() + 1);
        text.extend(head);
        record.encode_to(&mut text);
        text.push('}');
        Stored {
            key: SessionKey::of_any_length(text),
            version: ONLY_VERSION,
        }
    }
}

/// A cookie is never changed, only replaced: there is one version of each.
const ONLY_VERSION: Version = Version::new(0);

#[derive(Deserialize)]
struct Content<'a> {
    e: u64,
    #[serde(borrow)]
    r: record::Stored<'a>,
}

fn decode(key: &SessionKey) -> Result<(Timestamp, Record), DecodeError> {
    if let Some(decoded) = decode_canonical(key) {
        return Ok(decoded);
    }
    let content: Content<'_> = json::parse(key.as_ref())?;
    let record = content.r.into_record(key.text())?;
    Ok((Timestamp::from_unix_millis(content.e), record))
}

fn decode_canonical(key: &SessionKey) -> Option<(Timestamp, Record)> {
    let mut reader = Reader::new(key.text());
    reader.expect(r#"{"e":"#)?;
    let ends_at = reader.number()?;
    reader.expect(r#","r":"#)?;
    let record = reader.record()?;
    reader.expect("}")?;
    reader.end()?;
    Some((Timestamp::from_unix_millis(ends_at), record))
}

impl SessionStore for CookieSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let now = self.clock.now();
        let record = match decode(key) {
            Ok((ends_at, record)) => (now < ends_at).then_some(record),
            Err(error) => {
                let legacy = legacy::record(key.as_ref(), now);
                Some(legacy.map_err(|_| StoreError::new(StoreErrorKind::Corrupt, error))?)
            }
        };
        Ok(record.map(|record| Loaded {
            record,
            version: ONLY_VERSION,
        }))
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        Ok(self.key_of(record, ttl))
    }

    async fn update(
        &self,
        _key: &SessionKey,
        _version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        Ok(Swap::Stored(self.key_of(record, ttl)))
    }

    async fn renew(
        &self,
        _key: &SessionKey,
        _version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        Ok(Swap::Stored(self.key_of(record, ttl)))
    }

    async fn delete(&self, _key: &SessionKey) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn key(text: &str) -> SessionKey {
        SessionKey::try_from(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_replayed_cookie_ends_when_its_time_is_over() {
        let clock = ManualClock::default();
        let store = CookieSessionStore::with_clock(clock.clone());
        let stored = store
            .create(&Record::new(clock.now()), MINUTE)
            .await
            .unwrap();

        clock.advance(MINUTE - Duration::from_millis(1));
        assert!(store.load(&stored.key).await.unwrap().is_some());
        clock.advance(Duration::from_millis(1));
        assert!(store.load(&stored.key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_actix_session_left_is_a_session_and_stored_with_an_end() {
        let clock = ManualClock::default();
        let store = CookieSessionStore::with_clock(clock.clone());
        let legacy = key(r#"{"user_id":"\"ferris\"","n":"1"}"#);
        clock.advance(1000 * MINUTE);
        let loaded = store.load(&legacy).await.unwrap().unwrap();
        assert_eq!(loaded.record.state.get("user_id"), Ok(Some("ferris")));
        assert_eq!(loaded.record.created_at, clock.now());
        assert_eq!(loaded.record.touched_at, clock.now());

        let updated = store.update(&legacy, loaded.version, &loaded.record, MINUTE);
        let Swap::Stored(stored) = updated.await.unwrap() else {
            panic!("nothing conflicts in a cookie");
        };
        clock.advance(MINUTE);
        assert!(store.load(&stored.key).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_sealed_session_is_corrupt() {
        let store = CookieSessionStore::default();
        for text in ["x", "[]", r#"{"e":1,"r":{}}"#, r#"{"counter":1}"#] {
            let error = store.load(&key(text)).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        }
    }
}
