//! The engine, which knows no web framework: [`SessionManager`] opens the session of a request, and commits it.
//!
//! `SessionMiddleware` is the adapter for Actix Web. An adapter for another framework passes the `Cookie` headers of a
//! request to [`open`](SessionManager::open) and the head of its response to [`commit`](SessionManager::commit), which
//! returns changes of the response's headers. It decides nothing.

mod action;
mod administration;
mod backend;
mod cache_control;
mod choose;
mod combine;
mod commit;
mod create;
mod end;
mod events;
mod issue;
pub(crate) mod lifetime;
#[cfg(feature = "actix")]
mod nesting;
mod open;
mod reload;
mod renew;
mod response;
mod revoke;
mod rotate;
mod save;
mod session_info;
mod sessions;
mod sign_in;
mod touch;

use std::{error::Error, fmt, sync::Arc};

#[cfg(feature = "actix")]
pub(crate) use self::commit::boxed;
pub use self::{
    administration::SessionsPage,
    events::{EndCause, EventKind, MissedEventsError, SessionEvent, SessionEvents},
    response::{HeaderChanges, ResponseHead, SessionFailure},
    session_info::SessionInfo,
    sessions::Sessions,
};
pub(crate) use self::{backend::Backend, events::EventSender, open::Opened, sign_in::Limiter};
use self::{combine::WriterTable, commit::ResponsePolicy};
pub use crate::cookie::{SealingKey, SetCookie};
use crate::{
    clock::SharedClock,
    config::{KeyRing, Settings},
    cookie::SessionCookie,
    engine::lifetime::Lifetime,
    error::SettingsError,
    record::SecretPolicy,
    storage::{Observed, SessionStore},
    telemetry::{self, Step},
};

/// Opens the session that a request's cookie names, and commits it when the request is done.
///
/// An adapter to a web framework needs nothing else of the engine: `SessionMiddleware` is the one for Actix
/// Web. It passes headers in and out, and decides nothing. Cloning shares the store.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let manager = SessionManager::new(
///     MemorySessionStore::default(),
///     SealingKey::generate(),
///     Settings::default(),
/// )?;
///
/// // The first request comes without a cookie, and its handler writes.
/// let session = manager.open([]).await?;
/// session.insert("visits", 1)?;
/// let headers = manager.commit(&session, &ResponseHead::to("POST")).await?;
/// let set_cookie = headers.set_cookie.expect("a new session has a cookie");
///
/// // The browser sends the cookie back.
/// let cookie = set_cookie.as_str().split(';').next().unwrap();
/// let session = manager.open([cookie.as_bytes()]).await?;
/// assert_eq!(session.get("visits")?, Some(1));
///
/// // The session was only read, so the browser needs no cookie.
/// let headers = manager.commit(&session, &ResponseHead::to("GET")).await?;
/// assert!(headers.set_cookie.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct SessionManager<S>(Arc<Engine<S>>);

/// Opens, saves, reloads and commits the sessions of a manager.
struct Engine<S> {
    settings: Settings,
    store: Observed<S>,
    /// Whether the cookies carry the records, so that the store is never called.
    is_stateless: bool,
    cookie: SessionCookie,
    lifetime: Lifetime,
    secrets: SecretPolicy,
    response_policy: ResponsePolicy,
    limiter: Option<Limiter<S>>,
    writers: WriterTable,
    events: EventSender,
    clock: SharedClock,
    /// Whether the warning was logged that cookies name several live sessions.
    has_warned_of_cookies: std::sync::atomic::AtomicBool,
    /// Whether the warning was logged that another middleware uses the same cookie.
    #[cfg(feature = "actix")]
    has_warned_of_middleware: std::sync::atomic::AtomicBool,
}

impl<S: SessionStore> SessionManager<S> {
    /// A manager for the sessions in `store`, whose cookies are sealed with `key`: a [`SealingKey`] or a [`KeyRing`].
    ///
    #[doc = include_str!("docs/new.md")]
    /// # Errors
    ///
    /// If `settings` are invalid: for example a cookie that no browser accepts, or a duration that is not
    /// positive.
    pub fn new(
        store: S,
        key: impl Into<KeyRing>,
        settings: Settings,
    ) -> Result<Self, SettingsError> {
        Self::with(store, key, settings, None)
    }

    pub(crate) fn with(
        store: S,
        key: impl Into<KeyRing>,
        settings: Settings,
        limiter: Option<Limiter<S>>,
    ) -> Result<Self, SettingsError> {
        let settings = settings.in_effect();
        settings.check()?;
        if limiter
            .as_ref()
            .is_some_and(|it| !it.is_supported_by(&store))
        {
            return Err(SettingsError::NoSubjects);
        }
        if store.revocations().is_some_and(|list| !list.has_marks()) {
            return Err(SettingsError::NoMarks);
        }
        if settings.rotation_interval.is_some() && store.keeps_nothing() {
            return Err(SettingsError::NoSecrets);
        }
        #[cfg(feature = "metrics")]
        telemetry::describe();
        if settings.allow_plain_http {
            telemetry::plain_http_allowed();
        }
        let cookie = SessionCookie::new(key.into(), &settings);
        let response_policy = ResponsePolicy::new(&settings, cookie.request_header());
        Ok(Self(Arc::new(Engine {
            is_stateless: store.keeps_nothing(),
            store: Observed::new(store, settings.store_timeout),
            cookie,
            lifetime: Lifetime::new(&settings),
            secrets: SecretPolicy {
                rotation_interval: settings.rotation_interval,
                grace: settings.grace(),
            },
            response_policy,
            limiter,
            writers: WriterTable::default(),
            events: EventSender::default(),
            clock: settings.clock.clone(),
            settings,
            #[cfg(feature = "actix")]
            has_warned_of_middleware: Default::default(),
            has_warned_of_cookies: Default::default(),
        })))
    }

    /// The name of the requests' header that [`open`](Self::open) reads: `Cookie`, unless
    /// [`session_header`](Settings::session_header) is set.
    #[must_use]
    pub fn request_header(&self) -> &str {
        &self.0.response_policy.request_header
    }

    /// What an application does with the sessions outside of their own requests.
    #[must_use]
    pub fn sessions(&self) -> Sessions<S> {
        Sessions::of_engine(Arc::clone(&self.0))
    }
}

impl<S: SessionStore> Engine<S> {
    /// Reports that a step of a request failed. An outage was logged when it began.
    fn request_failed(&self, step: Step, error: &(dyn Error + 'static), is_outage: bool) {
        telemetry::request_failed(step, error, is_outage && self.store.is_failing());
    }
}

impl<S> Clone for SessionManager<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for SessionManager<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("cookie", &self.0.cookie)
            .field("lifetime", &self.0.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
