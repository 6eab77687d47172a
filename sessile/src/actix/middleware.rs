//! [`SessionMiddleware`]: opens the session before the handler, commits it after.

use std::{
    fmt,
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
    http::header::{COOKIE, HeaderName},
};

use super::{SessionMiddlewareBuilder, extensions::Slot, pages::Pages, service::SessionService};
use crate::{
    Sessions,
    config::{KeyRing, Settings},
    engine::{SessionEvents, SessionManager},
    storage::SessionStore,
};

/// Opens the [`Session`](crate::Session) of every request, and commits it.
///
/// Before the handler, it loads the session that the request's cookie names, unless sessions are loaded
/// [lazily](crate::config::Loading::Lazy). After the handler, it stores the changes and sets the
/// cookie if one is needed. Clones share the store, so build it once and clone it into each worker.
///
/// ```
/// use actix_web::{App, HttpResponse, cookie::Key, web};
/// use sessile::{Session, SessionMiddleware, storage::MemorySessionStore};
///
/// async fn visits(session: Session) -> actix_web::Result<HttpResponse> {
///     session.update_or("visits", 1, |n: u32| n + 1)?;
///     Ok(HttpResponse::Ok().finish())
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
/// let app = App::new().wrap(sessions).route("/", web::get().to(visits));
/// # use actix_web::test::{TestRequest, call_service, init_service};
/// # let app = init_service(app).await;
/// # let response = call_service(&app, TestRequest::default().to_request()).await;
/// # assert!(response.headers().contains_key("set-cookie"));
/// # });
/// ```
///
/// # Failures
///
/// If another request has ended or renewed the session, the changes are not stored, and the response is an
/// empty 409, unless the request's method is safe. If the store fails or does not answer in time, the
/// response is an empty 503, or the one that
/// [`on_store_failure`](SessionMiddlewareBuilder::on_store_failure) sets. If the session can't be loaded,
/// the handler does not run. If the changes can't be stored, the failure replaces the handler's response,
/// so that no lost change is acknowledged. [`failure_page`](SessionMiddlewareBuilder::failure_page)
/// renders the application's own page for all of these, but not for an error that a handler returns with `?`.
pub struct SessionMiddleware<Store> {
    pub(super) manager: SessionManager<Store>,
    pub(super) slot: Slot,
    /// The requests' header that names their session.
    pub(super) header: HeaderName,
    pub(super) pages: Pages,
}

impl<Store: SessionStore> SessionMiddleware<Store> {
    /// The events of all sessions in this process from now on, for audit trails, presence, and sockets.
    ///
    #[doc = include_str!("../engine/docs/session_event.md")]
    #[must_use]
    pub fn events(&self) -> SessionEvents {
        self.manager.events()
    }

    /// The operations on sessions outside of their own requests: lists, and "log out everywhere".
    ///
    /// ```
    /// use actix_web::{App, cookie::Key, web};
    /// use sessile::{SessionMiddleware, storage::MemorySessionStore};
    ///
    /// let middleware = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    /// let sessions = web::Data::new(middleware.sessions());
    /// let app = App::new().app_data(sessions.clone()).wrap(middleware);
    /// # let _ = app;
    /// # actix_web::rt::System::new().block_on(async {
    /// assert_eq!(sessions.count().await?, 0);
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn sessions(&self) -> Sessions<Store> {
        self.manager.sessions()
    }

    #[cfg(feature = "test-helpers")]
    pub(crate) const fn manager(&self) -> &SessionManager<Store> {
        &self.manager
    }

    /// The middleware with all settings at their defaults.
    ///
    /// `key` seals the cookies: an `actix_web::cookie::Key`, or a [`KeyRing`], whose keys can be replaced.
    /// Use the same key on all servers and after each restart: the middleware accepts no cookie that
    /// another key sealed.
    #[must_use]
    pub fn new(store: Store, key: impl Into<KeyRing>) -> Self {
        Self::builder(store, key).build()
    }

    /// A builder for a middleware with other settings.
    pub fn builder(store: Store, key: impl Into<KeyRing>) -> SessionMiddlewareBuilder<Store> {
        SessionMiddlewareBuilder::new(store, key.into(), Settings::default())
    }

    /// A builder with [strict settings](Settings::strict), for new applications.
    ///
    /// ```
    /// use actix_web::cookie::Key;
    /// use sessile::{SessionMiddleware, storage::MemorySessionStore};
    ///
    /// let sessions = SessionMiddleware::strict(MemorySessionStore::default(), Key::generate());
    /// assert!(sessions.try_build().is_ok());
    /// ```
    pub fn strict(store: Store, key: impl Into<KeyRing>) -> SessionMiddlewareBuilder<Store> {
        SessionMiddlewareBuilder::new(store, key.into(), Settings::strict())
    }

    pub(super) fn from_parts(manager: SessionManager<Store>, slot: Slot, pages: Pages) -> Self {
        // The engine has checked that it is the name of a header.
        let header = HeaderName::try_from(manager.request_header()).unwrap_or(COOKIE);
        Self {
            manager,
            slot,
            header,
            pages,
        }
    }
}

impl<Store> Clone for SessionMiddleware<Store> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
            slot: self.slot,
            header: self.header.clone(),
            pages: self.pages.clone(),
        }
    }
}

impl<Store> fmt::Debug for SessionMiddleware<Store> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionMiddleware")
            .field(&self.manager)
            .finish()
    }
}

impl<S, B, Store> Transform<S, ServiceRequest> for SessionMiddleware<Store>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    S::Future: 'static,
    B: 'static,
    Store: SessionStore,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Transform = SessionService<S, Store>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(SessionService {
            service: Rc::new(service),
            middleware: Rc::new(self.clone()),
        }))
    }
}
