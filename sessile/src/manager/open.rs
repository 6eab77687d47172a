//! Finding the session that the cookies of a request name.

use std::{cmp::Reverse, pin::pin, sync::Arc};

use smallvec::SmallVec;

use super::Engine;
use crate::{
    cookie::{Content, Unsealed},
    failure::OpenError,
    id::{SessionId, SessionKey},
    record::Presented,
    session::machine::{Binding, Stored},
    storage::{Freshness, Loaded, SessionStore, StoreError, StoreErrorKind, Version},
    telemetry, timeout,
};

/// What the cookies of a request name.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) binding: Binding,
    /// Other sessions that verified cookies name.
    pub(crate) others: Vec<SessionId>,
}

/// The maximum number of sessions that one request loads. Browsers send several cookies of one name only if
/// the cookies were set for different paths or domains.
pub(super) const MAX_LOADS: usize = 3;

impl<S: SessionStore> Engine<S> {
    /// The session that the cookies with these values name, if it is live.
    ///
    /// Of several live sessions it chooses the only one that is signed in, or else the only one of a guest, or
    /// else none.
    pub(super) async fn find<'a>(
        &self,
        cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Opened, OpenError> {
        let candidates = self.unseal(cookies)?;
        match &*candidates {
            [] => Ok(Opened::default()),
            [only] => Ok(match self.find_one(&only.content).await? {
                Found::Session(binding) => Opened {
                    binding,
                    others: Vec::new(),
                },
                Found::Expired => Opened {
                    binding: Binding::New,
                    others: vec![only.content.id().clone()],
                },
                Found::Nothing => Opened::default(),
            }),
            // Boxed, since it is rare.
            candidates => Box::pin(self.choose(candidates)).await,
        }
    }

    /// The sessions that a purge ends for cookies with these values.
    pub(super) async fn ended_by(
        &self,
        cookies: impl Iterator<Item = &[u8]>,
    ) -> Result<Vec<SessionId>, OpenError> {
        let mut ids = Vec::new();
        for (index, candidate) in self.unseal(cookies)?.iter().enumerate() {
            let id = candidate.content.id().clone();
            let ends = index >= MAX_LOADS
                || match self.find_one(&candidate.content).await {
                    Ok(found) => !matches!(found, Found::Nothing),
                    // Signing out also ends a session that a later version of this crate wrote.
                    Err(OpenError::Store(error)) if error.kind() == StoreErrorKind::Newer => true,
                    Err(error) => return Err(error),
                };
            if ends {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// The verified contents, each session once, the latest issued first.
    fn unseal<'a>(
        &self,
        cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Result<SmallVec<[Unsealed; 1]>, OpenError> {
        let mut candidates = SmallVec::<[Unsealed; 1]>::new();
        let mut verified = SmallVec::<[&[u8]; 1]>::new();
        for cookie in cookies {
            if verified.contains(&cookie) {
                continue;
            }
            match self.cookie.unseal(cookie, || self.clock.now()) {
                Some(Ok(unsealed)) if self.is_ours(&unsealed.content) => {
                    candidates.push(unsealed);
                    verified.push(cookie);
                }
                Some(Err(newer)) if self.is_stateless => {
                    return Err(StoreError::from(newer).into());
                }
                _ => telemetry::cookie_rejected("failed verification"),
            }
        }
        if candidates.len() > 1 {
            candidates.sort_by_key(|it| Reverse(it.issued_at));
            let mut seen = Vec::new();
            candidates.retain(|it| {
                let is_new = !seen.contains(it.content.id());
                seen.push(it.content.id().clone());
                is_new
            });
        }
        Ok(candidates)
    }

    /// Whether the cookies of this manager have this kind of content.
    fn is_ours(&self, content: &Content) -> bool {
        match content {
            Content::Record(..) => self.is_stateless,
            Content::Key(_) if self.is_stateless => false,
            Content::Key(key) => key.secret.is_some() || self.store.opens_actix_session_keys(),
        }
    }

    pub(super) async fn find_one(&self, content: &Content) -> Result<Found, OpenError> {
        match content {
            Content::Record(id, record) => {
                if self.lifetime.has_ended(record, self.clock.now()) {
                    telemetry::session_not_found("expired");
                    return Ok(Found::Nothing);
                }
                Ok(Found::Session(Binding::Stored(Arc::new(Stored {
                    id: id.clone(),
                    secret: None,
                    version: Version::new(0),
                    record: record.clone(),
                    promotes: false,
                }))))
            }
            Content::Key(key) => self.find_stored(key).await,
        }
    }

    /// The session that `key` opens. Before it rejects the key, it loads the session again, past any cache.
    async fn find_stored(&self, key: &SessionKey) -> Result<Found, OpenError> {
        match self.load(key, Freshness::Cached).await {
            Ok(Some(loaded)) => match self.judge(key, &loaded) {
                Ok(opens) => Ok(bound(key, loaded, opens)),
                Err(_) => self.find_current(key).await,
            },
            Ok(None) => {
                telemetry::session_not_found("not in the store");
                Ok(Found::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    async fn find_current(&self, key: &SessionKey) -> Result<Found, OpenError> {
        let Some(loaded) = self.load(key, Freshness::Current).await? else {
            telemetry::session_not_found("not in the store");
            return Ok(Found::Nothing);
        };
        match self.judge(key, &loaded) {
            Ok(opens) => Ok(bound(key, loaded, opens)),
            Err(Rejection::Stale) => Ok(Found::Session(Binding::Stale(key.id.clone()))),
            Err(Rejection::Expired) => {
                telemetry::session_not_found("expired");
                Ok(Found::Expired)
            }
            Err(Rejection::Unknown) => {
                telemetry::session_not_found("opened by another secret");
                Ok(Found::Nothing)
            }
        }
    }

    fn judge(&self, key: &SessionKey, loaded: &Loaded) -> Result<Opens, Rejection> {
        let now = self.clock.now();
        let opens = match (&key.secret, &loaded.record.secrets) {
            (None, None) => Opens::Current,
            (Some(secret), Some(secrets)) => {
                match secrets.judge(&secret.digest(), now, self.grace) {
                    Presented::Current => Opens::Current,
                    Presented::Pending => Opens::Pending,
                    Presented::Stale => return Err(Rejection::Stale),
                    Presented::Unknown => return Err(Rejection::Unknown),
                }
            }
            (None, Some(_)) | (Some(_), None) => return Err(Rejection::Unknown),
        };
        match self.lifetime.has_ended(&loaded.record, now) {
            true => Err(Rejection::Expired),
            false => Ok(opens),
        }
    }

    /// The record under the id of `key`. A record that can't be decoded counts as no session, and is not
    /// overwritten.
    async fn load(
        &self,
        key: &SessionKey,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, OpenError> {
        let loading = pin!(self.store.load(&key.id, key.hint.as_ref(), freshness));
        match timeout::within(self.store_timeout, loading).await {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) if error.kind() == StoreErrorKind::Corrupt => {
                telemetry::record_corrupt(&error);
                Ok(None)
            }
            Ok(Err(error)) => Err(error.into()),
            Err(after) => Err(OpenError::Timeout { after }),
        }
    }

    /// The current record and version of this session.
    pub(super) async fn load_current(&self, stored: &Stored) -> Result<Option<Loaded>, StoreError> {
        let hint = stored.record.subject();
        let loading = self
            .store
            .load(&stored.id, hint.as_ref(), Freshness::Current);
        loading.await
    }
}

/// Which secret opened a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opens {
    Current,
    Pending,
}

/// Why a secret does not open a session.
#[derive(Debug, Clone, Copy)]
enum Rejection {
    Stale,
    /// The secret is valid, and the session has expired.
    Expired,
    Unknown,
}

/// What one cookie names.
pub(super) enum Found {
    Session(Binding),
    /// A session that has expired and is still stored. A request that opened it before may extend its lifetime, so
    /// a purge still has to end it.
    Expired,
    Nothing,
}

fn bound(key: &SessionKey, loaded: Loaded, opens: Opens) -> Found {
    Found::Session(Binding::Stored(Arc::new(Stored {
        id: key.id.clone(),
        secret: key.secret,
        version: loaded.version,
        record: loaded.record,
        promotes: opens == Opens::Pending,
    })))
}
