//! Controlling a [`Session`] as a whole: its key, its end, its lifetime, loading and saving.

use super::{Session, SessionStatus, journal::DetailChanges, logged};
use crate::{
    clock::Timestamp,
    config::Persistence,
    error::{OpenError, SessionClosedError, SessionReloadError, SessionSaveError, WriteError},
    storage::SessionId,
};

impl Session {
    /// Gives the session another key and keeps its state. The old key no longer opens the session. For a
    /// change of privilege, such as signing in (OWASP ASVS 5.0, 7.2.4).
    ///
    #[doc = include_str!("docs/renew.md")]
    pub fn renew(&self) {
        logged("renew", self.try_renew());
    }

    /// Ends the session: the store deletes its state, and the browser removes the cookie. For signing out.
    ///
    #[doc = include_str!("docs/purge.md")]
    pub fn purge(&self) {
        logged("purge", self.try_purge());
    }

    /// Ends the session and starts an empty one in the same request: for a message after signing out.
    ///
    #[doc = include_str!("docs/restart.md")]
    pub fn restart(&self) -> Result<(), SessionClosedError> {
        let restarted = self.changing().restart();
        restarted.map(drop)
    }

    /// The id of the stored session: for logs, audit trails and administration pages. It is not secret. In a store on the
    /// server, it stays the same when the session is renewed.
    ///
    #[doc = include_str!("docs/id.md")]
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.reading().stored().map(|stored| stored.id.clone())
    }

    /// How the request changed the session since it was loaded.
    ///
    #[doc = include_str!("docs/status.md")]
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        self.machine().status
    }

    /// When the session was created; `None` while it has not been stored or [loaded](Self::load).
    ///
    #[doc = include_str!("docs/created_at.md")]
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        let machine = self.reading();
        machine.stored().map(|stored| stored.record.created_at)
    }

    /// When the stored session expires unless a request extends its lifetime; `None` while it has not been
    /// stored or [loaded](Self::load).
    ///
    #[doc = include_str!("docs/expires_at.md")]
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let backend = self.backend()?;
        let record = self.reading().stored()?.record.clone();
        Some(backend.ends_at(&record))
    }

    /// Gives the session a lifetime of its own in place of the settings', or takes it away: "remember me".
    ///
    #[doc = include_str!("docs/set_persistence.md")]
    pub fn set_persistence(
        &self,
        persistence: impl Into<Option<Persistence>>,
    ) -> Result<(), WriteError> {
        let persistence = persistence.into();
        if persistence.is_some_and(|it| it.is_too_short()) {
            return Err(WriteError::TimeoutTooShort);
        }
        self.changing().change_details(DetailChanges {
            lifetime: Some(persistence),
            ..DetailChanges::default()
        })
    }

    /// Sets whether this request extends the life of the session. Default: `true`.
    ///
    #[doc = include_str!("docs/set_extends_life.md")]
    pub fn set_extends_life(&self, extends: bool) {
        self.machine().extends_life = extends;
    }

    /// Loads a session that is loaded [lazily](crate::config::Loading::Lazy), unless it is loaded
    /// already: for middleware, and for other code that does not get it as an argument of a handler, which
    /// is always loaded.
    ///
    #[doc = include_str!("docs/load.md")]
    pub async fn load(&self) -> Result<(), OpenError> {
        self.machine().is_used = true;
        self.load_quietly().await
    }

    /// Whether the session has been loaded, so that its values can be read and written.
    ///
    /// `false` only for a session that is loaded [lazily](crate::config::Loading::Lazy), and only if the
    /// request has a session cookie: otherwise there is nothing to load.
    ///
    #[doc = include_str!("docs/is_loaded.md")]
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.reading().is_loaded()
    }

    /// Stores the changes now, without waiting for the end of the request.
    ///
    #[doc = include_str!("docs/save.md")]
    pub async fn save(&self) -> Result<(), SessionSaveError> {
        let backend = self.backend_with_store().ok_or(SessionSaveError::NoStore)?;
        self.reading().check_phase()?;
        backend.save(self).await
    }

    /// Loads the current stored state, and applies the changes that have not been stored.
    ///
    #[doc = include_str!("docs/reload.md")]
    pub async fn reload(&self) -> Result<(), SessionReloadError> {
        let backend = self
            .backend_with_store()
            .ok_or(SessionReloadError::NoStore)?;
        self.machine().is_used = true;
        backend.reload(self).await
    }

    /// Drops the changes that have not been stored: the session is as it was loaded, or last saved.
    ///
    #[doc = include_str!("docs/discard.md")]
    pub fn discard(&self) {
        let discarded = self.machine().discard();
        drop(discarded);
    }

    /// As [`purge`](Self::purge), with an error if it has no effect.
    ///
    #[doc = include_str!("docs/try_purge.md")]
    pub fn try_purge(&self) -> Result<(), SessionClosedError> {
        let purged = self.changing().purge();
        purged.map(drop)
    }

    /// As [`renew`](Self::renew), with an error if it has no effect.
    ///
    #[doc = include_str!("docs/try_renew.md")]
    pub fn try_renew(&self) -> Result<(), SessionClosedError> {
        self.changing().renew()
    }
}
