//! [`SessionService`]: serves one request with its session.

use std::{fmt, rc::Rc};

use actix_web::{
    HttpMessage as _,
    dev::{Service, ServiceRequest, ServiceResponse, forward_ready},
};

use super::{
    SessionMiddleware,
    errors::{FailurePage, WithHeaders, answer},
    headers::{apply, cache_control_of},
};
use crate::{
    Session,
    engine::{HeaderChanges, ResponseHead},
    storage::SessionStore,
};

/// The service that [`SessionMiddleware`] puts around the application's.
#[doc(hidden)]
pub struct SessionService<S, Store> {
    pub(super) service: Rc<S>,
    pub(super) middleware: SessionMiddleware<Store>,
}

impl<S, Store> fmt::Debug for SessionService<S, Store> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionService")
            .field(&self.middleware)
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

    /// If an outer instance of the middleware has opened the same session, this one only passes the request on.
    fn call(&self, request: ServiceRequest) -> Self::Future {
        let found = request.extensions().get::<Session>().cloned();
        if let Some(outer) = &found
            && self.middleware.manager.serves(outer)
        {
            return Box::pin(self.service.call(request));
        }
        let service = Rc::clone(&self.service);
        let middleware = self.middleware.clone();
        match found {
            Some(outer) if outer.backend().is_some() => {
                Box::pin(nest(service, middleware, request, outer))
            }
            _ => Box::pin(open_and_commit(service, middleware, request)),
        }
    }
}

/// The sessions of the outer middlewares, the outermost first, while the request's extensions hold an inner one.
struct Enclosing(Vec<Session>);

/// Serves a request whose extensions hold the session of another middleware, and puts that session back before the
/// response reaches outer code.
async fn nest<S, B, Store>(
    service: Rc<S>,
    middleware: SessionMiddleware<Store>,
    request: ServiceRequest,
    outer: Session,
) -> Result<ServiceResponse<B>, actix_web::Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    Store: SessionStore,
{
    let serves = |session: &&Session| middleware.manager.serves(session);
    let (same, outer_page) = {
        let mut extensions = request.extensions_mut();
        let enclosing = extensions.get::<Enclosing>();
        let same = enclosing.and_then(|it| it.0.iter().find(serves).cloned());
        match extensions.get_mut::<Enclosing>() {
            Some(enclosing) => enclosing.0.push(outer.clone()),
            None => drop(extensions.insert(Enclosing(vec![outer.clone()]))),
        }
        (same, extensions.get::<FailurePage>().cloned())
    };
    let response = match same {
        Some(session) => {
            request.extensions_mut().insert(session);
            service.call(request).await?
        }
        None => open_and_commit(service, middleware, request).await?,
    };
    {
        let mut extensions = response.request().extensions_mut();
        if let Some(enclosing) = extensions.get_mut::<Enclosing>() {
            enclosing.0.pop();
        }
        extensions.insert(outer);
        if let Some(outer_page) = outer_page {
            extensions.insert(outer_page);
        }
    }
    Ok(response)
}

/// Opens the session, calls the inner service, and commits. If outer code took the session before it was opened, that one
/// is opened.
async fn open_and_commit<S, B, Store>(
    service: Rc<S>,
    middleware: SessionMiddleware<Store>,
    request: ServiceRequest,
) -> Result<ServiceResponse<B>, actix_web::Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    Store: SessionStore,
{
    let SessionMiddleware {
        manager,
        header,
        failure_page,
    } = middleware;
    let page = failure_page.as_ref();
    // Looked up here, because outer code may take the session after it has called the middleware.
    let early = request.extensions().get::<Session>().cloned();
    let early = early.filter(|session| session.backend().is_none());

    // Closes the session also if the client disconnects and this future is dropped.
    let _closing_early = early.as_ref().map(Closing);
    let session = {
        let cookies = request.headers().get_all(&header);
        let cookies = cookies.map(|header| header.as_bytes());
        match &early {
            // Boxed, since it is rare.
            Some(early) => Box::pin(manager.open_early(early, cookies))
                .await
                .map(|()| early.clone()),
            None => manager.open(cookies).await,
        }
        .map_err(|failure| answer(failure, page, request.request()))?
    };
    let _closing = Closing(&session);
    request.extensions_mut().insert(session.clone());
    if let Some(page) = page {
        // For the extractor, which loads lazy sessions.
        request.extensions_mut().insert(page.clone());
    }

    let method = request.method().clone();
    // The changes of a handler that failed count as well.
    let handled = service.call(request).await;

    let own_handles = 1 + usize::from(early.is_some());
    let head = ResponseHead::to(method.as_str());
    let committed = match &handled {
        Ok(response) => {
            let in_request = response.request().extensions().contains::<Session>();
            let known_handles = own_handles + usize::from(in_request);
            let head = head
                .with_status(response.status().as_u16())
                .with_session_held(session.has_more_handles_than(known_handles));
            let cache_control = cache_control_of(response.headers());
            let head = match &cache_control {
                Some(cache_control) => head.with_cache_control(cache_control),
                None => head,
            };
            manager.commit(&session, &head).await
        }
        Err(error) => {
            let status = error.as_response_error().status_code().as_u16();
            let head = head
                .with_status(status)
                .with_session_held(session.has_more_handles_than(own_handles));
            manager.commit(&session, &head).await
        }
    };
    let changes = match (committed, &handled) {
        (Ok(changes), _) => changes,
        (Err(failure), Ok(response)) => return Err(answer(failure, page, response.request())),
        // The error dropped the request. A copy would have prevented the router from changing it.
        (Err(failure), Err(_)) => return Err(failure.into()),
    };
    match handled {
        Ok(mut response) => {
            apply(changes, response.headers_mut());
            Ok(response)
        }
        Err(error) if changes == HeaderChanges::default() => Err(error),
        Err(error) => Err(WithHeaders {
            error,
            headers: changes,
        }
        .into()),
    }
}

/// Closes a session on drop: no cookie can be sent for it after that.
struct Closing<'a>(&'a Session);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.machine().close();
    }
}
