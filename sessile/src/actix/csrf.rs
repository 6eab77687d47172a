//! [`CsrfGuard`]: refuses requests that a page of another site forged.

use std::{
    fmt,
    future::{Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, ResponseError as _,
    body::{BodyStream, EitherBody, to_bytes_limited},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{HeaderName, ORIGIN, UPGRADE},
    web,
};

use super::{
    origin::Origin,
    pages::{Render, rendered},
};
use crate::{
    Session,
    engine::{HeaderChanges, ResponseHead},
    error::{CsrfError, InvalidOriginError},
    telemetry,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// Refuses requests that a page of another site forged (OWASP ASVS 5.0, 3.5.1).
///
/// Put it around the application or a scope, inside of the [`SessionMiddleware`](crate::SessionMiddleware). It lets
/// safe methods (`GET`, `HEAD`, `OPTIONS`, `TRACE`) pass, so a `GET` must not change anything. The handshake of a WebSocket is
/// also a `GET`, but has to pass the first of these checks. Requests with other methods have to pass both, in this order:
///
/// 1. The browser reports which page sent the request. `Sec-Fetch-Site` has to be `same-origin`, or `none` for the
///    user's own action. If this header is missing, the `Origin`, if there is one, has to be that of the application.
///    [`allow_origin`](Self::allow_origin) allows pages of other origins.
/// 2. The request has a [token](Session::csrf_token) of its session: in the header `X-CSRF-Token`, or in the field
///    `csrf_token` of an `application/x-www-form-urlencoded` form. The guard reads such a form of up to
///    [`max_form_bytes`](Self::max_form_bytes), and the handler still gets it.
///
/// A refused request gets an empty 403, or the [application's page](Self::on_refused). The handler does not run.
/// Scripts send the token of JSON and multipart requests in the header. For a multipart form without a script, put the
/// route outside of the guard, and call [`verify_csrf`](Session::verify_csrf) in the handler.
///
#[doc = include_str!("docs/csrf_guard.md")]
#[derive(Clone)]
pub struct CsrfGuard {
    allowed: Vec<Origin>,
    max_form_bytes: usize,
    trusts_fetch_metadata: bool,
    page: Option<Arc<Render<CsrfError>>>,
}

impl CsrfGuard {
    /// A guard with all settings at their defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            allowed: Vec::new(),
            max_form_bytes: 64 * 1024,
            trusts_fetch_metadata: false,
            page: None,
        }
    }

    /// Also accepts requests from pages of this origin, such as `https://app.example.com`. By default, none are accepted.
    ///
    /// The pages still need a token. Allow only origins whose pages you trust as much as your own.
    ///
    /// ```
    /// use sessile::extract::CsrfGuard;
    ///
    /// assert!(CsrfGuard::new().allow_origin("https://app.example.com").is_ok());
    /// assert!(CsrfGuard::new().allow_origin("app.example.com").is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// If `origin` is not an origin, for example because it has a path.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self, InvalidOriginError> {
        let allowed = Origin::parse(origin).ok_or_else(|| InvalidOriginError {
            origin: origin.to_owned(),
        })?;
        self.allowed.push(allowed);
        Ok(self)
    }

    /// The maximum length of a form that the guard searches for the token. By default 64 KiB.
    ///
    /// The guard keeps the form in memory. The response to a longer one is 413, unless the token is in the header.
    #[must_use]
    pub const fn max_form_bytes(mut self, bytes: usize) -> Self {
        self.max_form_bytes = bytes;
        self
    }

    /// Accepts requests with `Sec-Fetch-Site: same-origin` without a token. Browsers since 2023 send this header over
    /// HTTPS. By default, every request needs a token.
    ///
    /// The risk: if a browser sends a wrong header, a page of another site can forge requests.
    #[must_use]
    pub const fn trust_fetch_metadata(mut self) -> Self {
        self.trusts_fetch_metadata = true;
        self
    }

    /// The response to a refused request: for example a page that asks the user to load the form again. By default,
    /// its body is empty.
    ///
    /// If the response has a status of success, the status of the [error](CsrfError) replaces it. No cache stores the
    /// response.
    #[must_use]
    pub fn on_refused(
        mut self,
        page: impl Fn(&HttpRequest, &CsrfError) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.page = Some(Arc::new(page));
        self
    }

    async fn check(&self, request: &mut ServiceRequest) -> Result<(), actix_web::Error> {
        let source = self.checked_source(request)?;
        if source == Source::SameOrigin && self.trusts_fetch_metadata {
            return Ok(());
        }
        let session = request.extract::<Session>().await?;
        if session.backend().is_none() {
            telemetry::csrf_guard_without_session();
        }
        let token = self.take_token(request).await?;
        let verified = token.and_then(|token| session.verify_csrf(&token));
        verified.map_err(|error| self.refuse(error, request.request()))
    }

    fn checked_source(&self, request: &ServiceRequest) -> Result<Source, actix_web::Error> {
        let source = self.check_source(request);
        source.map_err(|forged| self.refuse(forged, request.request()))
    }

    fn check_source(&self, request: &ServiceRequest) -> Result<Source, CsrfError> {
        let headers = request.headers();
        let origin = headers.get(ORIGIN).map(|origin| {
            let origin = origin.to_str().ok();
            origin.and_then(Origin::parse)
        });
        if let Some(Some(origin)) = &origin
            && self.allowed.contains(origin)
        {
            return Ok(Source::Unproven);
        }
        let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
        match (site, origin) {
            (Some(b"same-origin"), _) => Ok(Source::SameOrigin),
            // Clients other than browsers send neither header.
            (Some(b"none"), _) | (None, None) => Ok(Source::Unproven),
            (None, Some(Some(origin))) if origin.is_of(&request.connection_info()) => {
                Ok(Source::Unproven)
            }
            _ => Err(CsrfError::CrossOrigin),
        }
    }

    /// The token in the request. If it is in a form, the guard reads the form and puts it back for the handler.
    async fn take_token(
        &self,
        request: &mut ServiceRequest,
    ) -> Result<Result<String, CsrfError>, actix_web::Error> {
        if let Some(header) = request.headers().get(TOKEN) {
            let token = header.to_str().map_err(|_| CsrfError::InvalidToken);
            return Ok(token.map(ToOwned::to_owned));
        }
        if !request
            .content_type()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Ok(Err(CsrfError::MissingToken));
        }
        let form = BodyStream::new(request.take_payload());
        let Ok(form) = to_bytes_limited(form, self.max_form_bytes).await else {
            let max = self.max_form_bytes;
            return Ok(Err(CsrfError::FormTooLarge { max }));
        };
        let form = form?;
        let token = token_in(&form);
        request.set_payload(form.into());
        Ok(token.ok_or(CsrfError::MissingToken))
    }

    fn refuse(&self, error: CsrfError, request: &HttpRequest) -> actix_web::Error {
        telemetry::csrf_refused(&error);
        let headers = HeaderChanges::of_failure(error.status_code().as_u16());
        match &self.page {
            Some(page) => rendered(&**page, error, headers, request),
            None => error.into(),
        }
    }
}

/// What the headers show about the page that sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    SameOrigin,
    /// Only a token can show that a page of the application sent it.
    Unproven,
}

/// Whether the request is the handshake of a WebSocket (RFC 6455, section 4.1), through which a page can do more than read.
fn is_websocket(request: &ServiceRequest) -> bool {
    let upgrades = request.headers().get_all(UPGRADE);
    let mut protocols = upgrades
        .filter_map(|value| value.to_str().ok())
        .flat_map(|it| it.split(','));
    protocols.any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

fn token_in(form: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Field {
        csrf_token: String,
    }
    // The syntax of a form is that of a query.
    let fields = web::Query::<Field>::from_query(str::from_utf8(form).ok()?);
    Some(fields.ok()?.into_inner().csrf_token)
}

impl Default for CsrfGuard {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CsrfGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfGuard")
            .field("allowed", &self.allowed)
            .field("max_form_bytes", &self.max_form_bytes)
            .field("trusts_fetch_metadata", &self.trusts_fetch_metadata)
            .finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for CsrfGuard
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = CsrfService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(CsrfService {
            service: Rc::new(service),
            guard: Rc::new(self.clone()),
        }))
    }
}

/// The service that [`CsrfGuard`] wraps around that of the application.
#[doc(hidden)]
#[derive(Debug)]
pub struct CsrfService<S> {
    service: Rc<S>,
    guard: Rc<CsrfGuard>,
}

impl<S, B> Service<ServiceRequest> for CsrfService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>>>>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let service = Rc::clone(&self.service);
        let guard = Rc::clone(&self.guard);
        Box::pin(async move {
            let is_safe = ResponseHead::to(request.method().as_str()).is_safe();
            let checked = match is_safe {
                // A browser can't add a token to a handshake.
                true if is_websocket(&request) => guard.checked_source(&request).map(drop),
                true => Ok(()),
                false => guard.check(&mut request).await,
            };
            if let Err(error) = checked {
                return Ok(request.error_response(error).map_into_right_body());
            }
            let response = service.call(request).await?;
            Ok(response.map_into_left_body())
        })
    }
}
