//! Loading, saving, renewing and ending a session.

use tokio::sync::MutexGuard;

use super::{Backend, Session, machine::Binding};
use crate::{
    engine::Opened,
    error::{OpenError, SessionClosedError, SessionReloadError, SessionSaveError},
    timeout,
};

impl Session {
    /// Whether the session has been loaded, so that its values can be read and written.
    ///
    /// `false` only for a session that is loaded [lazily](crate::config::Loading::Lazy), and only if the
    /// request has a session cookie: otherwise there is nothing to load.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.reading().is_readable()
    }

    /// Loads a session that is loaded [lazily](crate::config::Loading::Lazy), unless it is loaded
    /// already: for middleware, and for other code that does not get it as an argument of a handler, which
    /// is always loaded.
    ///
    /// Concurrent calls load from the store once. If the cookie names no live session, the session is
    /// empty. After the response it can still be loaded for reading; only [`reload`](Self::reload) opens it
    /// for changes.
    ///
    /// ```
    /// use actix_web::{
    ///     App, Error, HttpResponse,
    ///     body::BoxBody,
    ///     cookie::Key,
    ///     dev::{ServiceRequest, ServiceResponse},
    ///     error::ErrorUnauthorized,
    ///     middleware::{Next, from_fn},
    ///     web,
    /// };
    /// use sessile::{
    ///     SessionExt as _, SessionMiddleware, config::Loading, storage::MemorySessionStore,
    /// };
    ///
    /// async fn members_only(
    ///     request: ServiceRequest,
    ///     next: Next<BoxBody>,
    /// ) -> Result<ServiceResponse, Error> {
    ///     let session = request.get_session();
    ///     session.load().await?;
    ///     if !session.contains_key("user") {
    ///         return Err(ErrorUnauthorized("for members only"));
    ///     }
    ///     next.call(request).await
    /// }
    ///
    /// # actix_web::rt::System::new().block_on(async {
    /// let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
    ///     .loading(Loading::Lazy)
    ///     .build();
    /// let app = App::new()
    ///     .route("/", web::get().to(HttpResponse::Ok))
    ///     .wrap(from_fn(members_only))
    ///     .wrap(sessions);
    /// # use actix_web::test::{TestRequest, init_service, try_call_service};
    /// # let app = init_service(app).await;
    /// # let answer = try_call_service(&app, TestRequest::default().to_request()).await;
    /// # assert_eq!(answer.unwrap_err().to_string(), "for members only");
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// If the store fails or does not answer in time, unless
    /// [`ServeEmpty`](crate::config::StoreFailurePolicy::ServeEmpty) was chosen: the session is then
    /// empty, and its changes are not kept. After an error, the caller may load it again. In a handler, the
    /// error becomes an empty 503 through `?`.
    pub async fn load(&self) -> Result<(), OpenError> {
        drop(self.reading());
        self.load_quietly().await
    }

    /// As [`load`](Self::load), for callers that do not read the session yet: the response does not depend on it.
    pub(crate) async fn load_quietly(&self) -> Result<(), OpenError> {
        let Err(error) = self.open().await else {
            return Ok(());
        };
        match self.backend() {
            Some(backend) if backend.goes_on_without(&error) => {
                let mut machine = self.machine();
                if let Binding::Unopened(cookies) = &machine.binding {
                    let cookies = cookies.clone();
                    machine.detach(cookies);
                }
                Ok(())
            }
            Some(_) | None => Err(error),
        }
    }

    /// As [`load`](Self::load), for callers that can't continue without the store.
    pub(crate) async fn open(&self) -> Result<(), OpenError> {
        let Some(backend) = self.backend().filter(|_| !self.machine().is_readable()) else {
            return Ok(());
        };
        timeout::within(backend.store_timeout(), async {
            let _guard = self.lock_flush().await;
            // A concurrent call may have opened the session.
            let cookies = match &self.machine().binding {
                Binding::Unopened(cookies) => cookies.clone(),
                _ => return Ok(()),
            };
            let opened = backend.find(&cookies).await?;
            self.take_in(opened)
        })
        .await
        .unwrap_or_else(|after| Err(OpenError::Timeout { after }))
    }

    /// Opens the session as what its cookies name, unless it was purged in the meantime.
    fn take_in(&self, opened: Opened) -> Result<(), OpenError> {
        let (to_rebase, generation) = {
            let mut machine = self.machine();
            match machine.is_readable() {
                true => return Ok(()),
                false => (machine.open(opened), machine.generation()),
            }
        };
        let Some(stored) = to_rebase else {
            return Ok(());
        };
        self.rebase(&stored, generation)?;
        self.machine().check_growth(&stored)?;
        Ok(())
    }

    /// Stores the changes now, without waiting for the end of the request.
    ///
    /// For long requests, and for handles that outlive their response: those call
    /// [`reload`](Self::reload) first. Changes are merged with those of other requests, as at the
    /// end of a request. A cookie that is needed goes out with the response.
    ///
    /// Costs what the commit at the end of a request costs: one round trip to the store, and two
    /// more for each time that another request stored something in the meantime.
    ///
    /// ```
    /// # use sessile::{
    /// #     config::Settings,
    /// #     engine::{ResponseHead, SealingKey, SessionManager},
    /// #     storage::MemorySessionStore,
    /// # };
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let store = MemorySessionStore::default();
    /// # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
    /// # let session = manager.open([]).await?;
    /// session.insert("step", 1)?;
    /// session.save().await?;
    /// // A long computation follows. Its result is stored at the end of the request.
    /// session.insert("step", 2)?;
    /// # let headers = manager.commit(&session, &ResponseHead::to("POST")).await?;
    /// # let set_cookie = headers.set_cookie.unwrap();
    /// # let cookie = set_cookie.as_str().split(';').next().unwrap();
    /// # let session = manager.open([cookie.as_bytes()]).await?;
    /// # assert_eq!(session.get("step")?, Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If another request has ended or renewed the session: nothing is stored, and the commit at the end of
    /// the request refuses the changes as well, unless they are [discarded](Self::discard). If a cookie is
    /// needed and the response has been sent, or if the store fails: the changes are then kept, and tried
    /// again with the next `save` or at the end of the request.
    pub async fn save(&self) -> Result<(), SessionSaveError> {
        let backend = self.store().ok_or(SessionSaveError::NoStore)?;
        self.reading().check_phase()?;
        backend.save(self).await
    }

    /// Loads the current stored state, and applies the changes that have not been stored.
    ///
    /// Opens a session that was committed with its response for further changes, which
    /// [`save`](Self::save) stores: for sockets, streams and spawned tasks.
    ///
    /// ```
    /// # use sessile::{
    /// #     config::Settings,
    /// #     engine::{ResponseHead, SealingKey, SessionManager},
    /// #     storage::MemorySessionStore,
    /// # };
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let store = MemorySessionStore::default();
    /// # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
    /// # let session = manager.open([]).await?;
    /// # session.insert("user", "ferris")?;
    /// # manager.commit(&session, &ResponseHead::to("GET")).await?;
    /// // In a task that outlives the response:
    /// assert!(session.insert("frames", 1).is_err());
    /// session.reload().await?;
    /// session.insert("frames", 1)?;
    /// session.save().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If the session was purged, if another request has ended or renewed it, if it was never stored, or if
    /// the store fails; the session is then unchanged. One error is different: after
    /// [`Unknown`](SessionReloadError::Unknown) the session has the current state, and all
    /// changes that were not stored for certain are dropped, since some of them may be in it.
    pub async fn reload(&self) -> Result<(), SessionReloadError> {
        let backend = self.store().ok_or(SessionReloadError::NoStore)?;
        drop(self.reading());
        backend.reload(self).await
    }

    /// Drops the changes that have not been stored: the session is as it was loaded, or last saved.
    ///
    /// A [`purge`](Self::purge), [`renew`](Self::renew) or [`restart`](Self::restart) stays in effect. For a
    /// handler that handles a failed [`save`](Self::save) itself, and for a session whose changes can't be
    /// merged.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("draft", "…")?;
    /// session.discard();
    /// assert!(session.entries().is_empty());
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn discard(&self) {
        let discarded = self.machine().discard();
        drop(discarded);
    }

    /// Ends the session: the store deletes its state, and the browser removes the cookie. For signing out.
    ///
    /// A purge wins over every concurrent request: their changes are refused. Later changes of this session
    /// are refused as well; [`restart`](Self::restart) starts another one. On a session that was committed
    /// with its response it has no effect and logs a warning: [`reload`](Self::reload) the session first, or
    /// use [`try_purge`](Self::try_purge).
    ///
    /// All sessions end that verified cookies of the request name. The end of the request fails if the
    /// session can't be ended, whatever
    /// [`on_store_failure`](crate::config::Settings::on_store_failure) says. A session that has not been
    /// [loaded](Self::load) needn't be.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("user", "ferris")?;
    /// session.purge();
    /// assert!(session.entries().is_empty());
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn purge(&self) {
        self.unless_refused("purge", self.try_purge());
    }

    /// As [`purge`](Self::purge), and tells whether it has an effect.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.try_purge()?;
    /// assert!(session.insert("user", "ferris").is_err());
    /// # Ok::<(), sessile::error::SessionClosedError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the session was committed with its response.
    pub fn try_purge(&self) -> Result<(), SessionClosedError> {
        let purged = self.changing().purge();
        purged.map(drop)
    }

    /// Gives the session another key and keeps its state. The old key no longer opens the session. For a
    /// change of privilege, such as signing in (OWASP ASVS 5.0, 7.2.4).
    ///
    /// If another request renews the session first, this one starts a new session from the state that it
    /// loaded: two concurrent sign-ins both succeed.
    ///
    /// Has no effect on a session that was purged, that another request has ended, or that was committed with
    /// its response; that is logged. A session that has not been [loaded](Self::load) needn't be: the end of
    /// the request does that, and fails if the store does.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("cart", 3)?;
    /// session.renew();
    /// assert_eq!(session.status(), sessile::SessionStatus::Renewed);
    /// assert_eq!(session.get("cart")?, Some(3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn renew(&self) {
        self.unless_refused("renew", self.try_renew());
    }

    /// As [`renew`](Self::renew), and tells whether it has an effect.
    ///
    /// ```
    /// use sessile::error::SessionClosedError;
    ///
    /// # let session = sessile::Session::new();
    /// session.try_renew()?;
    /// session.purge();
    /// assert_eq!(session.try_renew(), Err(SessionClosedError::Purged));
    /// # Ok::<(), SessionClosedError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the session was purged, if another request has ended it, or if it was committed with its response.
    pub fn try_renew(&self) -> Result<(), SessionClosedError> {
        self.changing().renew()
    }

    /// Ends the session and starts an empty one in the same request: for a message after signing out.
    ///
    /// The commit deletes the old session, and then stores the new one unless it is empty. If only the latter
    /// fails, the response removes the cookie. The status after a restart is
    /// [`Renewed`](crate::SessionStatus::Renewed).
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("user", "ferris")?;
    /// session.restart()?;
    /// session.insert("message", "Goodbye!")?;
    /// assert_eq!(session.get::<String>("user")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the session was committed with its response.
    pub fn restart(&self) -> Result<(), SessionClosedError> {
        let restarted = self.changing().restart();
        restarted.map(drop)
    }

    pub(super) fn unless_refused<T>(
        &self,
        operation: &'static str,
        done: Result<T, impl std::fmt::Display>,
    ) -> Option<T> {
        done.inspect_err(|reason| {
            tracing::warn!(operation, %reason, "a change of a session had no effect");
        })
        .ok()
    }

    pub(crate) async fn lock_flush(&self) -> MutexGuard<'_, ()> {
        match self.0.flush_lock.try_lock() {
            Ok(guard) => guard,
            Err(_) => self.0.flush_lock.lock().await,
        }
    }

    /// The backend; `None` for a session without a store.
    fn store(&self) -> Option<&dyn Backend> {
        let backend = self.backend()?;
        (!self.machine().is_detached()).then_some(backend)
    }

    /// Whether `backend` opened it.
    pub(crate) fn is_of<B: Backend>(&self, backend: &B) -> bool {
        (self.backend()).is_some_and(|own| std::ptr::addr_eq(own, backend))
    }
}
