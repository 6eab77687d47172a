//! Loading a session that its middleware only noted.

use super::{Backend, Session};
use crate::{failure::OpenError, timeout};

impl Session {
    /// Whether the session has been loaded, so that its values can be read and written.
    ///
    /// Always so unless it is loaded [on demand](crate::config::Loading::OnDemand); and then for
    /// requests that came without a session's cookie, where there is nothing to load.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.live().unopened.is_none()
    }

    /// Loads the session, unless that has been done: for middleware, and for whoever else got hold of
    /// one that is loaded [on demand](crate::config::Loading::OnDemand). An argument of a handler is
    /// loaded already.
    ///
    /// However many ask at once, the store is asked once. If the cookie names no live session, this one
    /// is empty. After the response it can still be loaded, for reading: only
    /// [`reload`](Self::reload) opens it for changes.
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
    ///     .loading(Loading::OnDemand)
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
    /// When the store fails or does not answer in time, unless
    /// [`ServeEmpty`](crate::config::StoreFailurePolicy::ServeEmpty) was chosen: the session is then
    /// empty, and what is written to it is not kept. After an error it can be loaded once more. In a
    /// handler the error answers an empty 503 through `?`.
    pub async fn load(&self) -> Result<(), OpenError> {
        let Err(error) = self.open().await else {
            return Ok(());
        };
        match self.0.backend.as_ref() {
            Some(backend) if backend.goes_on_without(&error) => {
                self.live().detach();
                Ok(())
            }
            Some(_) | None => Err(error),
        }
    }

    /// As [`load`](Self::load), for those who can't go on without the store.
    pub(crate) async fn open(&self) -> Result<(), OpenError> {
        let Some(backend) = self.0.backend.as_deref().filter(|_| !self.is_loaded()) else {
            return Ok(());
        };
        timeout::within(backend.store_timeout(), async {
            let _turn = self.0.turn.lock().await;
            self.open_in_turn(backend).await
        })
        .await
        .unwrap_or_else(|after| Err(OpenError::Timeout { after }))
    }

    pub(super) async fn open_in_turn(&self, backend: &dyn Backend) -> Result<(), OpenError> {
        // Somebody else may have been first.
        let cookie = self.live().unopened.clone();
        if let Some(cookie) = cookie {
            let found = backend.find(&cookie).await?;
            self.live().open(&cookie, found);
        }
        Ok(())
    }
}
