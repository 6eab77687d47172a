//! [`Sessions`]: what an application does with sessions outside of their own requests.

use std::{sync::Arc, time::Duration};

use super::{EndCause, Engine, EventKind, SessionInfo};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    error::{EndOthersError, SessionClosedError, SignInError},
    session::Session,
    storage::{
        EndOutcome, EndingStore, Freshness, Kept, Loaded, Observed, SessionId, SessionStore,
        StoreError, SubjectDigest, SubjectStore,
    },
};

/// The sessions of a store: for device lists, "log out everywhere", and administration.
///
/// What it offers depends on the store: a [`SubjectStore`] finds the sessions of users, an [`EndingStore`] ends all of them, an
/// [`IterableStore`](crate::storage::IterableStore) iterates over all, and a
/// [`ManagedStore`](crate::storage::ManagedStore) can be checked and closed. The page
/// [`guide::administration`](crate::guide::administration) lists the stores, and shows the operations for administrators.
///
/// It works in handlers, background jobs and tests. `SessionMiddleware::sessions` returns the sessions of a middleware,
/// and [`new`](Self::new) those of a store. Operations take as long as the store takes: they are not bounded by the
/// [`store_timeout`](crate::config::Settings::store_timeout) of a request.
///
#[doc = include_str!("docs/sessions.md")]
pub struct Sessions<S>(Source<S>);

enum Source<S> {
    Engine(Arc<Engine<S>>),
    Store(Arc<Observed<S>>),
}

impl<S: SessionStore> Sessions<S> {
    /// The sessions of this store.
    ///
    /// ```
    /// use sessile::{Sessions, storage::MemorySessionStore};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let sessions = Sessions::new(MemorySessionStore::default());
    /// assert!(sessions.list("user-17").await?.is_empty());
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    pub fn new(store: S) -> Self {
        // No request waits for these operations.
        Self(Source::Store(Arc::new(Observed::new(store, Duration::MAX))))
    }

    pub(super) const fn of_engine(engine: Arc<Engine<S>>) -> Self {
        Self(Source::Engine(engine))
    }

    pub(super) fn store(&self) -> &Observed<S> {
        match &self.0 {
            Source::Engine(engine) => &engine.store,
            Source::Store(store) => store,
        }
    }

    /// Reports the end of the session with this id, or else of all sessions of this subject, or else of everyone.
    pub(super) fn report(&self, cause: EndCause, id: Option<&SessionId>, subject: Option<&str>) {
        if let Source::Engine(engine) = &self.0 {
            engine.report(EventKind::Ended(cause), id, subject);
        }
    }

    fn report_deleted(&self, ids: &[SessionId], subject: Option<&str>) {
        for id in ids {
            self.report(EndCause::Sessions, Some(id), subject);
        }
    }

    /// Whether the session may be in this store. A session of another middleware is not.
    fn may_have(&self, session: &Session) -> bool {
        match &self.0 {
            Source::Engine(engine) => session.is_of(&**engine),
            Source::Store(_) => true,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Engine(engine) => engine.clock.now(),
            Source::Store(_) => SystemClock.now(),
        }
    }

    /// Ends the session with this id, of any user or guest: for administrators. Does nothing if there is none.
    ///
    /// # Errors
    ///
    /// If the session may not have ended. Of kind [`Unsupported`](crate::storage::StoreErrorKind::Unsupported) if sessions are
    /// in cookies without a revocation list.
    pub async fn end_by_id(&self, id: &SessionId) -> Result<(), StoreError> {
        self.delete(id, None).await
    }

    async fn delete(&self, id: &SessionId, subject: Option<&str>) -> Result<(), StoreError> {
        self.store().delete(id).await?;
        self.report(EndCause::Sessions, Some(id), subject);
        Ok(())
    }
}

/// Operations of every store that can end all sessions at once, also of `CookieSessionStore` with a revocation list.
impl<S: EndingStore> Sessions<S> {
    /// Ends all sessions of a user, for example when the account is locked. Returns how many were deleted: none with
    /// `CookieSessionStore`, which does not have them.
    ///
    /// No session of the user that was stored before the call is opened again, except for the `max_staleness` of a near cache
    /// or of a revocation list. A sign-in whose request began before the call is refused, so a password that was checked
    /// earlier opens nothing.
    ///
    /// Each server dates its requests by its own clock. If the clocks of servers differ, a sign-in that is in flight during the
    /// call can be accepted, and a later one can be refused for as long: see
    /// [the guide](crate::guide::devices#servers-whose-clocks-differ).
    ///
    /// # Errors
    ///
    /// If sessions may be left. The call can be repeated.
    pub async fn end_all(&self, subject: &str) -> Result<usize, StoreError> {
        Ok(match self.end_subject(subject).await? {
            EndOutcome::Ended { ids, .. } => ids.len(),
            EndOutcome::KeptHasEnded => 0,
        })
    }

    async fn end_subject(&self, subject: &str) -> Result<EndOutcome, StoreError> {
        let digest = SubjectDigest::of(subject);
        let ending = self.store().end_sessions_of(&digest, self.now());
        let outcome = ending.await?;
        if let EndOutcome::Ended { ids, .. } = &outcome {
            self.report_deleted(ids, Some(subject));
            self.report(EndCause::Mark, None, Some(subject));
        }
        Ok(outcome)
    }

    /// Ends all sessions of a user, and signs the user in to `session`: for a password that was reset.
    ///
    /// # Errors
    ///
    /// As [`Session::sign_in`], and if sessions may be left.
    pub async fn end_all_and_sign_in(
        &self,
        session: &Session,
        subject: &str,
    ) -> Result<(), SignInError> {
        let ending = self.end_subject(subject).await;
        if let EndOutcome::Ended { at, .. } = ending.map_err(SignInError::EndAll)? {
            session.machine().sign_in_after(at);
        }
        session.sign_in(subject).await
    }

    /// Ends all sessions of all users and guests, for example after a breach. A sign-in whose request began before the
    /// call is refused.
    ///
    /// # Errors
    ///
    /// If sessions may be left. The call can be repeated.
    pub async fn end_everything(&self) -> Result<(), StoreError> {
        self.store().end_all_sessions(self.now()).await?;
        self.report(EndCause::Mark, None, None);
        Ok(())
    }
}

/// Operations that need an index of the sessions.
impl<S: SubjectStore> Sessions<S> {
    /// The live sessions of a user, in the order in which they signed in.
    ///
    /// A session that can't be decoded is omitted, with a warning in the log. [`end_all`](Self::end_all) ends it as well.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn list(&self, subject: &str) -> Result<Vec<SessionInfo>, StoreError> {
        let now = self.now();
        let sessions = self.store().list(&SubjectDigest::of(subject)).await?;
        let sessions = sessions.into_iter();
        let sessions = sessions.filter_map(|(id, loaded)| SessionInfo::live(id, loaded, now));
        Ok(sessions.collect())
    }

    /// One session of a user; `None` if the user has no live session with this id.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn get(
        &self,
        subject: &str,
        id: &SessionId,
    ) -> Result<Option<SessionInfo>, StoreError> {
        let found = self.find(subject, id).await?;
        Ok(found.and_then(|loaded| SessionInfo::live(id.clone(), loaded, self.now())))
    }

    /// One session of a user, which may have expired.
    async fn find(&self, subject: &str, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
        let subject = SubjectDigest::of(subject);
        let loading = self.store().load(id, Some(&subject), Freshness::Current);
        Ok((loading.await?).filter(|it| it.record.subject() == Some(subject)))
    }

    /// Ends one session of a user. Returns whether the user had it.
    ///
    /// An id of another user's session, which a client may send, ends nothing. A session that has expired, and that the
    /// store still has, is deleted: a request that opened it before could extend its life.
    ///
    /// # Errors
    ///
    /// If the session may not have ended.
    pub async fn end(&self, subject: &str, id: &SessionId) -> Result<bool, StoreError> {
        let is_theirs = self.find(subject, id).await?.is_some();
        if is_theirs {
            self.delete(id, Some(subject)).await?;
        }
        Ok(is_theirs)
    }

    /// Ends all sessions of the user that `session` is signed in as, except this one. Returns how many were deleted.
    ///
    /// If two devices call it at once, one of them stays signed in, and the other gets the error.
    ///
    /// # Errors
    ///
    /// If the session is not signed in or has ended, or if sessions may be left.
    pub async fn end_others(&self, session: &Session) -> Result<usize, EndOthersError> {
        let stored = session.machine().current()?;
        let stored = stored.ok_or(EndOthersError::NotSignedIn)?;
        let record = &stored.record;
        let (Some(subject), Some(signed_in_at)) = (record.subject(), record.signed_in_at()) else {
            return Err(EndOthersError::NotSignedIn);
        };
        let kept = Kept {
            id: &stored.id,
            signed_in_at,
        };
        let ending = self.store().end_subject(&subject, self.now(), Some(kept));
        match ending.await? {
            EndOutcome::Ended { at, ids } => {
                session.machine().sign_in_after(at);
                // Not the mark as well: a receiver can't tell which session it does not end.
                self.report_deleted(&ids, record.subject_name());
                Ok(ids.len())
            }
            EndOutcome::KeptHasEnded => {
                if self.may_have(session) {
                    session.machine().end();
                }
                Err(SessionClosedError::Ended.into())
            }
        }
    }

    /// Ends the sessions with this [lookup label](Session::set_lookup_label): for back-channel logout. Returns how many.
    ///
    /// # Errors
    ///
    /// If sessions may be left.
    pub async fn end_by_label(&self, label: &str) -> Result<usize, StoreError> {
        let ids = self.store().find_by_label(label).await?;
        for id in &ids {
            self.end_by_id(id).await?;
        }
        Ok(ids.len())
    }
}

impl<S> Clone for Sessions<S> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Source::Engine(engine) => Source::Engine(Arc::clone(engine)),
            Source::Store(store) => Source::Store(Arc::clone(store)),
        })
    }
}

crate::debug::opaque!(Sessions<S>);
