//! Finding the session that the cookies of a request name.
//!
//! Browsers send several cookies of one name after a path or a domain was changed, or if an application on a parent
//! domain has a cookie of that name. All cookies with the session's name are unsealed. The cookies of one session are
//! judged together: the newest secret counts, regardless of the clocks of the servers that issued them. Of sealed
//! records, the one that was written last counts.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{EndCause, Engine, EventKind, choose::sort};
use crate::{
    clock::Timestamp,
    cookie::{Content, Unsealed},
    error::OpenError,
    record::{
        Presented,
        id::{SessionId, SessionKey, SubjectDigest},
    },
    session::machine::{Binding, Stored, Target},
    storage::{Freshness, Loaded, SessionStore, StoreError, StoreErrorKind},
    telemetry::{self, NotFoundReason, RejectReason},
};

/// What the cookies of a request name.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) binding: Binding,
    /// Whether the browser has to get its cookie sealed again: see [`Unsealed`].
    pub(crate) is_outdated: bool,
    /// Other sessions that verified cookies name.
    pub(crate) others: Vec<Target>,
}

/// The maximum number of sessions that one request loads. Browsers send several cookies of one name only if
/// the cookies were set for different paths or domains.
pub(super) const MAX_LOADS: usize = 3;

impl<S: SessionStore> Engine<S> {
    /// The session that the cookies with these values name, if it is live.
    ///
    /// If exactly one live session has a subject, it counts. If none has one and there is exactly one live session,
    /// that one counts. Otherwise none counts. The request came at `presented_at`.
    pub(super) async fn find<'a>(
        &self,
        cookies: impl Iterator<Item = &'a [u8]>,
        presented_at: Timestamp,
    ) -> Result<Opened, OpenError> {
        let candidates = self.unseal(cookies)?;
        let mut sessions = by_session(&candidates);
        match (sessions.next(), sessions.next()) {
            (None, _) => Ok(Opened::default()),
            (Some(only), None) => Ok(match self.find_one(only, presented_at).await? {
                Lookup::Session {
                    binding,
                    is_outdated,
                } => Opened {
                    binding,
                    is_outdated,
                    others: Vec::new(),
                },
                Lookup::Expired => Opened {
                    others: vec![Target::Session(only[0].content.id().clone())],
                    ..Opened::default()
                },
                Lookup::Nothing => Opened::default(),
            }),
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
    ) -> Result<Lookup, OpenError> {
        match self.is_stateless {
            true => {
                let found = self.find_sealed(cookies, presented_at);
                match self.store.revocations() {
                    None => Ok(found),
                    // Boxed, so that the future is small without a list.
                    Some(_) => Box::pin(self.unless_revoked(found)).await,
                }
            }
            false => self.find_stored(cookies, presented_at).await,
        }
    }

    /// The session of the record that was written last, of those in `cookies`.
    fn find_sealed(&self, cookies: &[Unsealed], presented_at: Timestamp) -> Lookup {
        let records = cookies.iter().filter_map(|it| match &it.content {
            Content::Record(stored) => Some((stored, it)),
            Content::Key(_) => None,
        });
        // Of equal ones, `rev` and `max_by_key` select the first, which was issued last.
        let latest = records.rev().max_by_key(|(it, _)| it.record.used_at);
        let Some((stored, unsealed)) = latest else {
            return Lookup::Nothing;
        };
        if self.lifetime.has_ended(&stored.record, presented_at) {
            telemetry::session_not_found(NotFoundReason::Expired);
            let ended = EventKind::Ended(EndCause::Expired);
            self.report(ended, Some(&stored.id), stored.record.subject_name());
            return Lookup::Nothing;
        }
        Lookup::Session {
            binding: Binding::Stored(Arc::clone(stored)),
            is_outdated: unsealed.is_outdated,
        }
    }

    /// The session that the keys in `cookies` open. Before it rejects them, it loads the session again, past any
    /// cache.
    async fn find_stored(
        &self,
        cookies: &[Unsealed],
        presented_at: Timestamp,
    ) -> Result<Lookup, OpenError> {
        let (id, hint) = match &cookies[0].content {
            Content::Key(key) => (&key.id, key.hint.as_ref()),
            Content::Record(stored) => (&stored.id, None),
        };
        for freshness in [Freshness::Cached, Freshness::Current] {
            let Some(loaded) = self.load(id, hint, freshness).await? else {
                telemetry::session_not_found(NotFoundReason::Missing);
                break;
            };
            let (judgement, key, is_outdated) = self.judge_all(cookies, &loaded, presented_at);
            match judgement {
                Judgement::Pending | Judgement::Current | Judgement::Former => {
                    let stored = Stored {
                        id: id.clone(),
                        secret: key.and_then(|key| key.secret),
                        version: loaded.version,
                        record: loaded.record,
                        presented_at,
                    };
                    return Ok(Lookup::Session {
                        binding: Binding::Stored(Arc::new(stored)),
                        is_outdated,
                    });
                }
                _ if freshness == Freshness::Cached => {}
                Judgement::Stale => {
                    self.report(EventKind::OldKey, Some(id), loaded.record.subject_name());
                    let moved_to = loaded.record.moved_to();
                    let epoch = (loaded.record).previous_epoch(presented_at, self.secrets.grace);
                    let id = moved_to.unwrap_or_else(|| id.clone());
                    return Ok(Lookup::Session {
                        binding: Binding::Stale { id, epoch },
                        is_outdated: false,
                    });
                }
                Judgement::Expired => {
                    telemetry::session_not_found(NotFoundReason::Expired);
                    let ended = EventKind::Ended(EndCause::Expired);
                    self.report(ended, Some(id), loaded.record.subject_name());
                    return Ok(Lookup::Expired);
                }
                Judgement::Unknown => {
                    telemetry::session_not_found(NotFoundReason::OldKey);
                    self.report(EventKind::OldKey, Some(id), loaded.record.subject_name());
                }
            }
        }
        Ok(Lookup::Nothing)
    }

    /// The best judgement of the keys in `cookies`, the key that has it, and whether actix-session sealed that cookie.
    fn judge_all<'a>(
        &self,
        cookies: &'a [Unsealed],
        loaded: &Loaded,
        presented_at: Timestamp,
    ) -> (Judgement, Option<&'a SessionKey>, bool) {
        let judged = cookies.iter().filter_map(|it| match &it.content {
            Content::Key(key) => Some((
                self.judge(key, loaded, presented_at),
                Some(key),
                it.is_outdated,
            )),
            Content::Record(..) => None,
        });
        // Of equal ones, `min_by_key` selects the first, which was issued last.
        let best = judged.min_by_key(|(judgement, ..)| *judgement);
        best.unwrap_or((Judgement::Unknown, None, false))
    }

    fn judge(&self, key: &SessionKey, loaded: &Loaded, at: Timestamp) -> Judgement {
        let judgement = match (&key.secret, &loaded.record.secrets) {
            (None, None) => Judgement::Current,
            // A renewal moved the session, and left this record for the grace period.
            (None, Some(_)) if loaded.record.is_moved_at(at) => return Judgement::Stale,
            (Some(secret), Some(secrets)) => {
                match secrets.judge(&secret.digest(), at, self.secrets.grace) {
                    Presented::Current => Judgement::Current,
                    Presented::Pending => Judgement::Pending,
                    Presented::Former => Judgement::Former,
                    Presented::Stale => return Judgement::Stale,
                    Presented::Unknown => return Judgement::Unknown,
                }
            }
            (None, Some(_)) | (Some(_), None) => return Judgement::Unknown,
        };
        match self.lifetime.has_ended(&loaded.record, at) {
            true => Judgement::Expired,
            false => judgement,
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

/// What the cookies of one session name.
pub(super) enum Lookup {
    Session {
        binding: Binding,
        /// As in [`Opened`].
        is_outdated: bool,
    },
    /// A session that has expired and is still stored. A request that opened it before may extend its lifetime, so
    /// a purge still has to end it.
    Expired,
    Nothing,
}

/// Whether a key opens a stored session. The best judgement comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Judgement {
    /// It opens the session, and the next write makes it the current one.
    Pending,
    /// It opens the session.
    Current,
    /// It opens the session, and the response carries a newer one.
    Former,
    /// It would open the session, which has expired.
    Expired,
    /// A renewal replaced it: it can only end the session.
    Stale,
    /// It is not a key of the session.
    Unknown,
}
