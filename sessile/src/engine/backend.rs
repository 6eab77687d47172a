//! [`Backend`]: what a session calls of its engine.

use std::time::Duration;

use super::{Engine, Opened};
use crate::{
    clock::Timestamp,
    cookie::SharedKeys,
    error::{OpenError, SessionReloadError, SessionSaveError, SignInError},
    record::Record,
    session::{Session, machine::Cookies},
    storage::{BoxFuture, SessionStore},
};

/// Loads and stores a session. A session does not know the type of its store.
pub(crate) trait Backend: Send + Sync {
    /// When a session with this record expires unless a request extends its lifetime.
    fn ends_at(&self, record: &Record) -> Timestamp;

    /// How long a request waits for the store.
    fn store_timeout(&self) -> Duration;

    /// The keys of the application.
    fn keys(&self) -> &SharedKeys;

    /// How long a renewal remembers what it replaced.
    fn renewal_grace(&self) -> Duration;

    /// The cookies of the sessions.
    #[cfg(feature = "actix")]
    fn cookie(&self) -> &crate::cookie::SessionCookie;

    /// The type of the store.
    #[cfg(feature = "actix")]
    fn store_type(&self) -> std::any::TypeId;

    /// The live session that these cookies of a request name, which came at `presented_at`.
    fn find<'a>(
        &'a self,
        cookies: &'a Cookies,
        presented_at: Timestamp,
    ) -> BoxFuture<'a, Result<Opened, OpenError>>;

    /// Logs that a session could not be opened. Returns whether the request continues without the store.
    fn goes_on_without(&self, error: &OpenError) -> bool;

    /// The HTTP status of the response to a request whose session could not be opened.
    #[cfg(feature = "actix")]
    fn status_of(&self, error: &OpenError) -> u16;

    /// Stores the changes of `session`.
    fn save<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionSaveError>>;

    /// Signs `subject` in to `session`.
    fn sign_in<'a>(
        &'a self,
        session: &'a Session,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<(), SignInError>>;

    /// The time.
    fn now(&self) -> Timestamp;

    /// How long ago a user may have authenticated for an action that needs a recent authentication.
    fn recent_authentication(&self) -> Duration;

    /// How far the clocks of the application's servers may differ.
    fn clock_allowance(&self) -> Duration;

    /// Loads the newest state of `session`.
    fn reload<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionReloadError>>;
}

impl<S: SessionStore> Backend for Engine<S> {
    fn ends_at(&self, record: &Record) -> Timestamp {
        record.ends_at.min(self.lifetime.ends_at(record))
    }

    fn store_timeout(&self) -> Duration {
        self.store_timeout
    }

    fn keys(&self) -> &SharedKeys {
        self.cookie.keys()
    }

    fn renewal_grace(&self) -> Duration {
        self.secrets.grace
    }

    #[cfg(feature = "actix")]
    fn cookie(&self) -> &crate::cookie::SessionCookie {
        &self.cookie
    }

    #[cfg(feature = "actix")]
    fn store_type(&self) -> std::any::TypeId {
        std::any::TypeId::of::<S>()
    }

    fn find<'a>(
        &'a self,
        cookies: &'a Cookies,
        presented_at: Timestamp,
    ) -> BoxFuture<'a, Result<Opened, OpenError>> {
        Box::pin(self.find(cookies.iter().map(|cookie| &**cookie), presented_at))
    }

    fn goes_on_without(&self, error: &OpenError) -> bool {
        self.goes_on_without(error)
    }

    #[cfg(feature = "actix")]
    fn status_of(&self, error: &OpenError) -> u16 {
        self.status_of(error)
    }

    fn save<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionSaveError>> {
        Box::pin(self.save(session))
    }

    fn sign_in<'a>(
        &'a self,
        session: &'a Session,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<(), SignInError>> {
        Box::pin(self.sign_in(session, subject))
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn recent_authentication(&self) -> Duration {
        self.recent_authentication
    }

    fn clock_allowance(&self) -> Duration {
        self.clock_allowance
    }

    fn reload<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionReloadError>> {
        Box::pin(self.reload(session))
    }
}
