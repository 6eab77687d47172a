//! [`Backend`]: what a session calls of its engine.

use super::{Engine, Opened};
use crate::{
    clock::Timestamp,
    config::{Settings, StoreFailurePolicy},
    cookie::SessionCookie,
    error::{OpenError, SessionReloadError, SessionSaveError, SignInError},
    record::Record,
    session::{Session, machine::Cookies},
    storage::{BoxFuture, SessionStore},
    telemetry::Step,
};

/// Loads and stores a session. A session does not know the type of its store.
pub(crate) trait Backend: Send + Sync {
    fn settings(&self) -> &Settings;

    /// When a session with this record expires unless a request extends its lifetime.
    fn ends_at(&self, record: &Record) -> Timestamp;

    /// The cookies of the sessions.
    fn cookie(&self) -> &SessionCookie;

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
    fn continues_without_store(&self, error: &OpenError) -> bool;

    /// Stores the changes of `session`.
    fn save<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionSaveError>>;

    /// Signs `subject` in to `session`.
    fn sign_in<'a>(
        &'a self,
        session: &'a Session,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<(), SignInError>>;

    /// Loads the newest state of `session`.
    fn reload<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionReloadError>>;
}

impl<S: SessionStore> Backend for Engine<S> {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn ends_at(&self, record: &Record) -> Timestamp {
        record.ends_at.min(self.lifetime.ends_at(record))
    }

    fn cookie(&self) -> &SessionCookie {
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

    fn continues_without_store(&self, error: &OpenError) -> bool {
        self.request_failed(Step::Open, error, error.is_outage());
        error.is_store_failure() && self.settings.on_store_failure == StoreFailurePolicy::ServeEmpty
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

    fn reload<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionReloadError>> {
        Box::pin(self.reload(session))
    }
}
