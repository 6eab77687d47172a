//! Opening: the session that the cookies of a request name.
//!
//! Browsers send several cookies of one name after a path or a domain was changed, or if an application on a parent
//! domain has a cookie of that name. All cookies with the session's name are unsealed. The cookies of one session are
//! judged together: the newest secret counts, regardless of the clocks of the servers that issued them. Of sealed
//! records, the one that was written last counts.

use std::{borrow::Cow, pin::pin, sync::Arc};

use smallvec::SmallVec;

use super::{Backend, EndCause, Engine, EventKind, SessionFailure, SessionManager, choose::sort};
use crate::{
    clock::{self, Timestamp},
    config::Loading,
    cookie::{Content, NamedCookies, Unsealed, Values},
    error::OpenError,
    record::{
        Presented, Record,
        id::{SessionId, SessionKey, SubjectDigest},
    },
    session::{
        Session,
        machine::{Binding, Cookies, Stored, Target},
    },
    storage::{Freshness, Loaded, SessionStore, StoreError, StoreErrorKind},
    telemetry::{self, NotFoundReason, RejectReason},
};

impl<S: SessionStore> SessionManager<S> {
    /// The session that the `Cookie` headers of a request name, or an empty one. If
    /// [`session_header`](crate::config::Settings::session_header) is set, the values are those of that header.
    ///
    /// No value from a client is an error: a cookie that fails verification, or names no live session, opens
    /// an empty session.
    ///
    /// Under [`Loading::Lazy`] the session only keeps the cookies, for [`Session::load`].
    ///
    #[doc = include_str!("docs/open.md")]
    /// # Errors
    ///
    /// If the store fails or does not answer in time, unless
    /// [`ServeEmpty`](crate::config::StoreFailurePolicy::ServeEmpty) was chosen.
    pub async fn open<'h>(
        &self,
        cookie_headers: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<Session, SessionFailure> {
        let began_at = self.0.clock.now();
        let (cookies, cookie_came) = self.0.cookies(cookie_headers);
        let Some(cookies) = cookies else {
            return Ok(self.session(Binding::New, cookie_came, began_at));
        };
        if matches!(self.0.settings.loading, Loading::Lazy) {
            return Ok(self.session(Binding::Unopened(shared(&cookies)), true, began_at));
        }
        // The session is opened in place, and the future is pinned where it is, because moving them costs more.
        let session = self.session(Binding::New, true, began_at);
        let values = cookies.iter().map(|cookie| &**cookie);
        let finding = pin!(self.0.find(values, began_at));
        let found = clock::within(self.0.settings.store_timeout, finding).await;
        match found.unwrap_or_else(|after| Err(OpenError::Timeout { after })) {
            // There are no changes to replay.
            Ok(opened) => drop(session.machine().open(opened)),
            Err(error) if self.0.continues_without_store(&error) => {
                session.machine().detach(shared(&cookies));
            }
            Err(error) => return Err(SessionFailure::open(error, &self.0.settings)),
        }
        Ok(session)
    }

    #[inline]
    fn session(&self, binding: Binding, cookie_came: bool, began_at: Timestamp) -> Session {
        let engine = Arc::clone(&self.0);
        let max_state_bytes = engine.settings.max_state_bytes;
        Session::with(
            Some(engine as _),
            binding,
            cookie_came,
            began_at,
            max_state_bytes,
        )
    }
}

/// What the cookies of a request name.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) binding: Binding,
    /// Whether the browser has to get its cookie sealed again: see [`Unsealed`].
    pub(crate) is_outdated: bool,
    /// Other sessions that verified cookies name. One that has expired is among them: a request that opened it before may
    /// extend its lifetime, so a purge still has to end it.
    pub(crate) others: Vec<Target>,
}

impl<S: SessionStore> Engine<S> {
    /// The values of the session cookies in these headers, if one may be ours, and whether there is a cookie of the
    /// name.
    #[inline]
    pub(super) fn cookies<'h>(
        &self,
        headers: impl IntoIterator<Item = &'h [u8]>,
    ) -> (Option<Values<'h>>, bool) {
        match self.cookie.find(headers) {
            NamedCookies::Nothing => (None, false),
            NamedCookies::Unusable(reason) => {
                telemetry::cookie_rejected(reason);
                self.report(EventKind::CookieRejected, None, None);
                (None, true)
            }
            NamedCookies::Values(values) => (Some(values), true),
        }
    }

    /// The session that the cookies with these values name, if it is live. The request came at `presented_at`.
    pub(super) async fn find<'a>(
        &self,
        cookies: impl Iterator<Item = &'a [u8]>,
        presented_at: Timestamp,
    ) -> Result<Opened, OpenError> {
        let candidates = self.unseal(cookies)?;
        let mut sessions = by_session(&candidates);
        match (sessions.next(), sessions.next()) {
            (None, _) => Ok(Opened::default()),
            (Some(only), None) => self.find_one(only, presented_at).await,
            // Boxed, since it is rare.
            (Some(_), Some(_)) => Box::pin(self.choose(&candidates, presented_at)).await,
        }
    }

    /// The verified contents. Those of one session are next to each other. The sessions of signed-in users come first,
    /// and then those whose cookies were issued last.
    pub(super) fn unseal<'a>(
        &self,
        cookies: impl Iterator<Item = &'a [u8]>,
    ) -> Result<SmallVec<[Unsealed; 1]>, OpenError> {
        let mut candidates = SmallVec::<[Unsealed; 1]>::new();
        let mut verified = SmallVec::<[&[u8]; 1]>::new();
        let mut is_rejected = false;
        for cookie in cookies {
            if verified.contains(&cookie) {
                continue;
            }
            match self.cookie.unseal(cookie, || self.clock.now()) {
                Some(Ok(unsealed)) if self.is_ours(&unsealed.content) => {
                    candidates.push(unsealed);
                    verified.push(cookie);
                }
                // A new cookie would replace it.
                Some(Err(newer)) => return Err(StoreError::from(newer).into()),
                _ => {
                    telemetry::cookie_rejected(RejectReason::Unverified);
                    is_rejected = true;
                }
            }
        }
        if is_rejected {
            self.report(EventKind::CookieRejected, None, None);
        }
        if candidates.len() > 1 {
            sort(&mut candidates);
        }
        Ok(candidates)
    }

    /// Whether the cookies of this manager have this kind of content.
    fn is_ours(&self, content: &Content) -> bool {
        match content {
            Content::Record(..) => self.is_stateless,
            Content::Key(_) if self.is_stateless => false,
            Content::Key(key) => match key.id.actix_session_key() {
                Some(key) => self.store.opens_actix_session_key(key),
                None => true,
            },
        }
    }

    /// The session that all of these `cookies` name, which came at `presented_at`. If the session was live then, they open
    /// it, however long the store takes.
    pub(super) async fn find_one(
        &self,
        cookies: &[Unsealed],
        presented_at: Timestamp,
    ) -> Result<Opened, OpenError> {
        match self.is_stateless {
            true => {
                let opened = self.find_sealed(cookies, presented_at);
                match self.store.revocations() {
                    None => Ok(opened),
                    // Boxed, so that the future is small without a list.
                    Some(_) => Box::pin(self.unless_revoked(opened)).await,
                }
            }
            false => self.find_stored(cookies, presented_at).await,
        }
    }

    /// The session that the keys in `cookies` open. Before it rejects them, it loads the session again, past any
    /// cache.
    async fn find_stored(
        &self,
        cookies: &[Unsealed],
        presented_at: Timestamp,
    ) -> Result<Opened, OpenError> {
        let (id, hint) = match &cookies[0].content {
            Content::Key(key) => (&key.id, key.hint.as_ref()),
            Content::Record(stored) => (&stored.id, None),
        };
        let mut freshness = Freshness::Cached;
        loop {
            let Some(loaded) = self.load(id, hint, freshness).await? else {
                telemetry::session_not_found(NotFoundReason::Missing);
                return Ok(Opened::default());
            };
            let (presented, key, is_outdated) = self.judge(cookies, &loaded.record, presented_at);
            if presented.opens() && !self.lifetime.has_ended(&loaded.record, presented_at) {
                let stored = Stored {
                    id: id.clone(),
                    secret: key.and_then(|key| key.secret),
                    version: loaded.version,
                    record: loaded.record,
                    presented_at,
                };
                return Ok(Opened {
                    binding: Binding::Stored(Arc::new(stored)),
                    is_outdated,
                    others: Vec::new(),
                });
            }
            match freshness {
                // A cache may have an earlier record.
                Freshness::Cached => freshness = Freshness::Current,
                Freshness::Current => {
                    return Ok(self.rejected(id, &loaded.record, presented, presented_at));
                }
            }
        }
    }

    /// The result if the keys do not open the session, or if it has expired. This is its current `record`.
    fn rejected(
        &self,
        id: &SessionId,
        record: &Record,
        presented: Presented,
        presented_at: Timestamp,
    ) -> Opened {
        if presented.opens() {
            return self.expired(id, record);
        }
        self.report(EventKind::OldKey, Some(id), record.subject_name());
        if presented != Presented::Stale {
            telemetry::session_not_found(NotFoundReason::OldKey);
            return Opened::default();
        }
        // Only a session whose id is its key can move to another id. The state of any other has values of the application.
        let moved_to = id.actix_session_key().and_then(|_| record.moved_to());
        Opened {
            binding: Binding::Stale {
                id: moved_to.unwrap_or_else(|| id.clone()),
                epoch: record.previous_epoch(presented_at, self.secrets.grace),
            },
            ..Opened::default()
        }
    }

    /// The result for an expired session: it is not opened, but a purge still ends it.
    pub(super) fn expired(&self, id: &SessionId, record: &Record) -> Opened {
        telemetry::session_not_found(NotFoundReason::Expired);
        let ended = EventKind::Ended(EndCause::Expired);
        self.report(ended, Some(id), record.subject_name());
        Opened {
            others: vec![Target::Session(id.clone())],
            ..Opened::default()
        }
    }

    /// What the best of the keys in `cookies` allows, that key, and whether its cookie has to be sealed again.
    fn judge<'a>(
        &self,
        cookies: &'a [Unsealed],
        record: &Record,
        at: Timestamp,
    ) -> (Presented, Option<&'a SessionKey>, bool) {
        let judged = cookies.iter().filter_map(|it| match &it.content {
            Content::Key(key) => Some((self.judge_one(key, record, at), Some(key), it.is_outdated)),
            Content::Record(..) => None,
        });
        // Of equal ones, `min_by_key` selects the first, which was issued last.
        let best = judged.min_by_key(|(presented, ..)| *presented);
        best.unwrap_or((Presented::Unknown, None, false))
    }

    fn judge_one(&self, key: &SessionKey, record: &Record, at: Timestamp) -> Presented {
        match (&key.secret, &record.secrets) {
            (Some(secret), Some(secrets)) => {
                secrets.judge(&secret.digest(), at, self.secrets.grace)
            }
            (None, None) => Presented::Current,
            // A renewal moved the session, and left this record for the grace period.
            (None, Some(_)) if record.is_moved_at(at) => Presented::Stale,
            (None, Some(_)) | (Some(_), None) => Presented::Unknown,
        }
    }

    /// The record under this id. A record that can't be decoded counts as no session, and is not overwritten.
    async fn load(
        &self,
        id: &SessionId,
        hint: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, OpenError> {
        match self.store.load(id, hint, freshness).await {
            Ok(loaded) => Ok(loaded),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                telemetry::record_corrupt(&error);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The cookies of each session. In `unsealed`, those of one session are next to each other.
pub(super) fn by_session(unsealed: &[Unsealed]) -> impl Iterator<Item = &[Unsealed]> {
    unsealed.chunk_by(|one, next| one.content.id() == next.content.id())
}

/// Copies of the values of cookies, for a session that is opened later.
pub(super) fn shared(values: &[Cow<'_, [u8]>]) -> Cookies {
    values.iter().map(|value| Arc::from(&**value)).collect()
}
