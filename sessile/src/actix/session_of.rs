//! [`SessionOf`]: the session of one of several middlewares.

use std::{any::type_name, fmt, marker::PhantomData, ops::Deref};

use actix_web::{
    FromRequest, HttpRequest,
    dev::{Extensions, Payload},
};

use super::{
    extensions::Slot,
    extractor::{ExtractSession, SessionExt as _},
};
use crate::Session;

/// The [`Session`] of the middleware with the marker `M`, as an argument of a handler.
///
/// An application can have several session middlewares around one handler, for example one for
/// customers and one for administrators. The marker, a type of the application, selects one of
/// them: see [`marker`](crate::SessionMiddlewareBuilder::marker). Other code gets the session from
/// [`SessionExt::get_session_of`](crate::SessionExt::get_session_of).
///
/// ```
/// use actix_web::{App, cookie::Key, web};
/// use sessile::{Session, SessionMiddleware, extract::SessionOf, storage::MemorySessionStore};
///
/// struct Admin;
///
/// async fn page(customer: Session, admin: SessionOf<Admin>) -> actix_web::Result<String> {
///     customer.update_or("visits", 1, |n: u32| n + 1)?;
///     Ok(format!("Administrator: {:?}", admin.get::<String>("name")?))
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let customers = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
/// let admins = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
///     .cookie_name("admin".to_owned())
///     .marker::<Admin>()
///     .build();
/// let app = App::new().wrap(customers).wrap(admins).route("/", web::get().to(page));
/// # use actix_web::test::{TestRequest, call_and_read_body, init_service};
/// # let app = init_service(app).await;
/// # let body = call_and_read_body(&app, TestRequest::default().to_request()).await;
/// # assert_eq!(body, "Administrator: None");
/// # });
/// ```
///
/// # Errors
///
/// If no middleware has this marker, the response is an opaque 500: [`NoSessionError`].
pub struct SessionOf<M>(Session, PhantomData<fn() -> M>);

impl<M: 'static> SessionOf<M> {
    const fn new(session: Session) -> Self {
        Self(session, PhantomData)
    }

    pub(super) fn found_in(extensions: &Extensions) -> Option<Self> {
        let held = Slot::of::<M>().get(extensions);
        held.map(|held| Self::new(held.session.clone()))
    }
}

impl<M: 'static> FromRequest for SessionOf<M> {
    type Error = actix_web::Error;
    type Future = ExtractSession<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        match request.get_session_of::<M>() {
            Some(Self(session, _)) => {
                ExtractSession::new(session, request, Slot::of::<M>(), |session| {
                    Ok(Self::new(session))
                })
            }
            None => {
                let error = NoSessionError {
                    marker: type_name::<M>(),
                };
                tracing::error!(%error);
                ExtractSession::failed(error.into())
            }
        }
    }
}

impl<M> Deref for SessionOf<M> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl<M> Clone for SessionOf<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<M> fmt::Debug for SessionOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionOf").field(&self.0).finish()
    }
}

/// The request has no session of a middleware with this marker.
///
/// ```
/// use actix_web::{FromRequest as _, ResponseError as _, test::TestRequest};
/// use sessile::extract::{NoSessionError, SessionOf};
///
/// # actix_web::rt::System::new().block_on(async {
/// let request = TestRequest::default().to_http_request();
/// let error = SessionOf::<u8>::extract(&request).await.unwrap_err();
/// assert_eq!(error.as_error::<NoSessionError>().unwrap().marker, "u8");
/// assert_eq!(error.error_response().status(), 500);
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request has no session of a middleware with the marker `{marker}`")]
#[non_exhaustive]
pub struct NoSessionError {
    /// The name of the marker type.
    pub marker: &'static str,
}
