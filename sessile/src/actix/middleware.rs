//! [`SessionMiddleware`]: opens the session before the handler, commits it after.

use std::{
    fmt,
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{
    HttpMessage as _,
    cookie::Key,
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::COOKIE,
};

use super::{
    SessionMiddlewareBuilder,
    errors::{SessionFailure, WithCookie},
    headers::send_cookie,
};
use crate::{Session, SessionManager, session::AdoptError, storage::SessionStore, telemetry};

/// Gives every request that comes through it its [`Session`](crate::Session).
///
/// Before the handler it loads the session that the request's cookie names, unless that is to be done
/// [on demand](crate::config::Loading::OnDemand); after it, it stores what was done to it and sends the
/// cookie that is needed. Clones share the store, so make it once
/// and clone it into each worker.
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
/// When the store fails or does not answer in time, the request is answered with an empty 503, or
/// as [`on_store_failure`](SessionMiddlewareBuilder::on_store_failure) says: before the handler, if
/// the session can't be loaded; instead of its response, if the changes can't be stored. What the
/// handler's response would have acknowledged is then not acknowledged.
pub struct SessionMiddleware<Store> {
    manager: SessionManager<Store>,
}

impl<Store: SessionStore> SessionMiddleware<Store> {
    /// The middleware with all settings at their defaults.
    ///
    /// `key` seals the cookies. Use the same one on all servers of the application, and after each
    /// restart: cookies sealed with another are not accepted.
    #[must_use]
    pub fn new(store: Store, key: Key) -> Self {
        Self::builder(store, key).build()
    }

    /// The middleware with settings of your own.
    pub fn builder(store: Store, key: Key) -> SessionMiddlewareBuilder<Store> {
        SessionMiddlewareBuilder::new(store, key)
    }

    pub(super) fn from_manager(manager: SessionManager<Store>) -> Self {
        Self { manager }
    }
}

impl<Store> Clone for SessionMiddleware<Store> {
    fn clone(&self) -> Self {
        Self {
            manager: self.manager.clone(),
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
            manager: self.manager.clone(),
        }))
    }
}

/// The service that [`SessionMiddleware`] puts around the application's.
#[doc(hidden)]
pub struct SessionService<S, Store> {
    service: Rc<S>,
    manager: SessionManager<Store>,
}

impl<S, Store> fmt::Debug for SessionService<S, Store> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionService")
            .field(&self.manager)
            .finish()
    }
}

impl<S, B, Store> Service<ServiceRequest> for SessionService<S, Store>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    S::Future: 'static,
    B: 'static,
    Store: SessionStore,
{
    type Response = ServiceResponse<B>;
    type Error = actix_web::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        Box::pin(serve(
            Rc::clone(&self.service),
            self.manager.clone(),
            request,
        ))
    }
}

/// One request: open, handle, commit.
async fn serve<S, B, Store>(
    service: Rc<S>,
    manager: SessionManager<Store>,
    request: ServiceRequest,
) -> Result<ServiceResponse<B>, actix_web::Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    Store: SessionStore,
{
    let store_failure = manager.failure_status();

    let cookies = request.headers().get_all(COOKIE);
    let session = manager
        .open(cookies.map(|header| header.as_bytes()))
        .await
        .map_err(|error| SessionFailure::open(error, store_failure))?;
    let early = request.extensions_mut().insert(session.clone());
    // Closes the session also when the client leaves and this future is dropped.
    let _closing = Closing(&session);
    if let Some(early) = early.filter(Session::is_early) {
        // Middleware further out asked for the session before there was one. Boxed, since it is rare.
        Box::pin(session.adopt(&early))
            .await
            .map_err(|error| match error {
                AdoptError::Open(error) => SessionFailure::open(error, store_failure),
                AdoptError::Merge(error) => {
                    telemetry::request_failed("adopt", &error);
                    SessionFailure::commit(error, store_failure, None)
                }
            })?;
    }

    // The handler may have failed: what it did to the session before counts all the same.
    let handled = service.call(request).await;

    let cookie = manager.commit(&session).await.map_err(|error| {
        SessionFailure::commit(error, store_failure, manager.due_cookie(&session))
    })?;
    match (handled, cookie) {
        (handled, None) => handled,
        (Ok(mut response), Some(cookie)) => {
            send_cookie(response.headers_mut(), cookie);
            Ok(response)
        }
        (Err(error), Some(cookie)) => Err(WithCookie { error, cookie }.into()),
    }
}

/// Closes a session when it is dropped: no cookie can be sent for it from then on.
struct Closing<'a>(&'a Session);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
