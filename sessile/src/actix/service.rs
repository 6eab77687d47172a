//! [`SessionService`]: serves one request with its session.

use std::{fmt, rc::Rc};

use actix_web::{
    HttpMessage as _,
    dev::{Extensions, Service, ServiceRequest, ServiceResponse, forward_ready},
};

use super::{
    SessionMiddleware,
    errors::WithHeaders,
    extensions::{Held, Slot},
    headers::{apply, cache_control_of},
    pages::{Pages, with_page},
};
use crate::{
    Session,
    engine::{HeaderChanges, ResponseHead, SessionFailure, boxed},
    storage::SessionStore,
};

/// The service that [`SessionMiddleware`] wraps around that of the application.
#[doc(hidden)]
pub struct SessionService<S, Store> {
    pub(super) service: Rc<S>,
    pub(super) middleware: Rc<SessionMiddleware<Store>>,
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
        let slot = self.middleware.slot;
        let serves = |held: &&Held| self.middleware.manager.serves(&held.session);
        let (found, same) = {
            let extensions = request.extensions();
            let found = slot.get(&extensions);
            if found.filter(serves).is_some() {
                drop(extensions);
                return Box::pin(self.service.call(request));
            }
            let same = match found {
                // Outer code has taken a handle of the session that this middleware opens.
                Some(found) if found.session.backend().is_none() => None,
                _ => outer_sessions(slot, &extensions).find(serves),
            };
            (found.cloned(), same.cloned())
        };
        let service = Rc::clone(&self.service);
        let middleware = Rc::clone(&self.middleware);
        let outer = found.filter(|held| held.session.backend().is_some());
        match (&outer, &same) {
            (None, None) => boxed(|| open_and_commit(service, middleware, request)),
            _ => Box::pin(nest(service, middleware, request, outer, same)),
        }
    }
}

/// The sessions of outer middlewares that their slots do not have, the outermost first: an inner middleware with the same
/// marker has replaced them, or the middlewares have markers.
struct Enclosing(Vec<Held>);

impl Enclosing {
    fn push(extensions: &mut Extensions, held: Held) {
        match extensions.get_mut::<Self>() {
            Some(enclosing) => enclosing.0.push(held),
            None => drop(extensions.insert(Self(vec![held]))),
        }
    }

    fn pop(extensions: &mut Extensions) {
        if let Some(enclosing) = extensions.get_mut::<Self>() {
            enclosing.0.pop();
        }
    }
}

/// The headers with the cookies that inner middlewares have issued. If an outer middleware fails, its response has them as well:
/// the browser's old cookies may no longer open their sessions.
#[derive(Default)]
struct Issued(Vec<HeaderChanges>);

impl Issued {
    /// Adds these, if there is an outer middleware.
    fn push(slot: Slot, extensions: &mut Extensions, changes: &HeaderChanges) {
        if outer_sessions(slot, extensions).next().is_none() {
            return;
        }
        match extensions.get_mut::<Self>() {
            Some(issued) => issued.0.push(changes.clone()),
            None => drop(extensions.insert(Self(vec![changes.clone()]))),
        }
    }

    fn take(extensions: &mut Extensions) -> Vec<HeaderChanges> {
        extensions.remove::<Self>().unwrap_or_default().0
    }
}

/// The sessions of this request that are not in this `slot`.
fn outer_sessions(slot: Slot, extensions: &Extensions) -> impl Iterator<Item = &Held> {
    let unmarked = slot
        .is_marked()
        .then(|| Slot::unmarked().get(extensions))
        .flatten();
    let enclosing = extensions.get::<Enclosing>();
    let enclosing = enclosing.into_iter().flat_map(|it| &it.0);
    unmarked.into_iter().chain(enclosing)
}

/// Serves a request in which outer middlewares have opened sessions. Before the response reaches outer code, it
/// restores the session that was in its slot. If this middleware would open the `same` session as one of them, it uses
/// that one.
async fn nest<S, B, Store>(
    service: Rc<S>,
    middleware: Rc<SessionMiddleware<Store>>,
    request: ServiceRequest,
    outer: Option<Held>,
    same: Option<Held>,
) -> Result<ServiceResponse<B>, actix_web::Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    Store: SessionStore,
{
    let slot = middleware.slot;
    if let Some(outer) = &outer {
        Enclosing::push(&mut request.extensions_mut(), outer.clone());
    }
    let response = match same {
        Some(same) => {
            slot.set(&mut request.extensions_mut(), Some(same));
            service.call(request).await?
        }
        None => open_and_commit(service, middleware, request).await?,
    };
    {
        let mut extensions = response.request().extensions_mut();
        if outer.is_some() {
            Enclosing::pop(&mut extensions);
        }
        slot.set(&mut extensions, outer);
    }
    Ok(response)
}

/// Opens the session, calls the inner service, and commits. If outer code has already taken a handle, this opens its
/// session.
async fn open_and_commit<S, B, Store>(
    service: Rc<S>,
    middleware: Rc<SessionMiddleware<Store>>,
    request: ServiceRequest,
) -> Result<ServiceResponse<B>, actix_web::Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    Store: SessionStore,
{
    let SessionMiddleware {
        manager,
        slot,
        header,
        pages,
    } = &*middleware;
    let slot = *slot;
    // It is looked up here, because outer code may take the session after it has called the middleware.
    let early = slot.get(&request.extensions()).cloned();
    let early = early.map(|held| held.session);
    let early = early.filter(|session| session.backend().is_none());

    // This closes the session even if the client disconnects and the future is dropped.
    let _closing_early = early.as_ref().map(Closing);
    let session = {
        let cookies = request.headers().get_all(header);
        let cookies = cookies.map(|header| header.as_bytes());
        match &early {
            // Boxed, since it is rare.
            Some(early) => Box::pin(manager.open_early(early, cookies))
                .await
                .map(|()| early.clone()),
            None => manager.open(cookies).await,
        }
        .map_err(|failure| pages.answer(failure, request.request()))?
    };
    let _closing = Closing(&session);
    {
        let mut extensions = request.extensions_mut();
        let held = Held {
            session: session.clone(),
            pages: pages.clone(),
        };
        if slot.is_marked() {
            Enclosing::push(&mut extensions, held.clone());
        }
        slot.set(&mut extensions, Some(held));
    }

    let method = request.method().clone();
    // The changes of a failed handler are committed as well.
    let handled = service.call(request).await.map_err(with_page);
    if let Ok(response) = &handled
        && slot.is_marked()
    {
        Enclosing::pop(&mut response.request().extensions_mut());
    }

    let (status, cache_control, in_request) = match &handled {
        Ok(response) => (
            response.status(),
            cache_control_of(response.headers()),
            slot.get(&response.request().extensions()).is_some(),
        ),
        // The error dropped the request with its extensions.
        Err(error) => (error.as_response_error().status_code(), None, false),
    };
    let known_handles = 1 + usize::from(early.is_some()) + usize::from(in_request);
    let head = ResponseHead::to(method.as_str())
        .with_status(status.as_u16())
        .with_session_held(session.handle_count() > known_handles);
    let head = match &cache_control {
        Some(cache_control) => head.with_cache_control(cache_control),
        None => head,
    };
    let changes = match manager.commit(&session, &head).await {
        Ok(changes) => changes,
        Err(failure) => return Err(commit_error(pages, failure, &handled)),
    };
    match handled {
        Ok(mut response) => {
            if changes.set_cookie.is_some() {
                Issued::push(slot, &mut response.request().extensions_mut(), &changes);
            }
            apply(changes, response.headers_mut());
            Ok(response)
        }
        Err(error) if changes == HeaderChanges::default() => Err(error),
        Err(error) => Err(WithHeaders::of(error, changes)),
    }
}

/// The error in place of what the inner service returned. It has the cookies that inner middlewares have issued.
fn commit_error<B>(
    pages: &Pages,
    failure: SessionFailure,
    handled: &Result<ServiceResponse<B>, actix_web::Error>,
) -> actix_web::Error {
    match handled {
        Ok(response) => {
            let error = pages.answer(failure, response.request());
            let issued = Issued::take(&mut response.request().extensions_mut());
            issued.into_iter().fold(error, WithHeaders::of)
        }
        // The error dropped the request. The middleware keeps no copy of it, because a copy would prevent the router
        // from changing it.
        Err(error) => {
            let mut failed = actix_web::Error::from(failure);
            let mut inner = error.as_error::<WithHeaders>();
            while let Some(WithHeaders { error, headers }) = inner {
                failed = WithHeaders::of(failed, headers.clone());
                inner = error.as_error::<WithHeaders>();
            }
            failed
        }
    }
}

/// Closes a session on drop, because no cookie can be sent for it after that.
struct Closing<'a>(&'a Session);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.machine().close();
    }
}
