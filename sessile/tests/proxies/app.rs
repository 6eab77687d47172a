//! The application: pages that show the session of the visitor, with the cache headers that their path asks for.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::StatusCode,
    middleware::{Next, from_fn},
    web::{self, Bytes, ServiceConfig},
};
use sessile::{Session, SessionExt as _};

use crate::{headers::Headers, uses::Use};

/// The header with the number of the response. A response from a cache repeats the number.
pub(crate) const SERIAL: &str = "x-serial";

/// The header that shows the session beside the body: the response to a `HEAD` has no body.
pub(crate) const PAGE: &str = "x-page";

/// The request header that names the visitor. It is not part of a cache's key.
pub(crate) const VISITOR: &str = "x-visitor";

#[derive(Clone, Default)]
struct Serial(Arc<AtomicUsize>);

pub(crate) fn configure() -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let serial = Serial::default();
    move |config| {
        config
            .app_data(web::Data::new(serial.clone()))
            .service(web::resource("/sign-in").to(sign_in))
            .service(web::resource("/own-page").to(own_page))
            .service(web::resource("/fill/{length}").to(fill))
            .service(web::resource("/filling").to(filling))
            .service(web::resource("/plain/{cache_control}/{others}/{vary}").to(plain))
            .service(
                web::resource("/pages/{use}/{cache_control}/{others}/{vary}")
                    .wrap(from_fn(fail_if_asked))
                    .to(page),
            );
    }
}

/// Starts a session.
async fn sign_in(session: Session, request: HttpRequest) -> actix_web::Result<String> {
    session.insert("name", visitor(&request))?;
    show(&session)
}

/// Shows the session.
async fn own_page(session: Session) -> actix_web::Result<String> {
    show(&session)
}

/// Puts this number of bytes into the session, and sets another cookie.
async fn fill(session: Session, length: web::Path<usize>) -> actix_web::Result<HttpResponse> {
    session.insert("filling", "x".repeat(*length))?;
    let mut response = HttpResponse::Ok();
    response.append_header(("Set-Cookie", "theme=dark; Path=/"));
    Ok(response.body(length.to_string()))
}

/// Shows how many bytes `fill` put into the session.
async fn filling(session: Session) -> actix_web::Result<String> {
    let filling: Option<String> = session.get("filling")?;
    Ok(filling.unwrap_or_default().len().to_string())
}

/// Uses no session.
async fn plain(path: web::Path<(usize, usize, usize)>, serial: web::Data<Serial>) -> HttpResponse {
    let (cache_control, others, vary) = path.into_inner();
    let headers = Headers::numbered(cache_control, others, vary);
    begin(StatusCode::OK, headers, &serial).body("a page of no session")
}

/// Uses the session.
async fn page(
    path: web::Path<(usize, usize, usize, usize)>,
    serial: web::Data<Serial>,
    request: HttpRequest,
) -> actix_web::Result<HttpResponse> {
    let (kind, cache_control, others, vary) = path.into_inner();
    let kind = Use::ALL[kind];
    let headers = Headers::numbered(cache_control, others, vary);
    let status = StatusCode::from_u16(kind.status()).unwrap();
    let mut response = begin(status, headers, &serial);
    let session = request.get_session();
    if kind == Use::Stream {
        return Ok(response.body(LateBody::of(session)));
    }

    session.load().await?;
    if kind.starts_sessions() && session.get::<String>("name")?.is_none() {
        session.insert("name", visitor(&request))?;
    }
    if kind == Use::Write {
        session.update_or("count", 1, |count: u32| count + 1)?;
    }
    let content = show(&session)?;
    match kind {
        Use::Renew => session.renew(),
        Use::Purge => session.purge(),
        _ => {}
    }
    response.insert_header((PAGE, content.as_str()));
    match kind {
        Use::Redirect => {
            response.insert_header(("Location", location(&content)));
        }
        Use::NotModified => {
            let tag = etag(&content);
            response.insert_header(("ETag", tag.as_str()));
            let condition = request.headers().get("if-none-match");
            if condition.is_some_and(|condition| condition.as_bytes() == tag.as_bytes()) {
                response.status(StatusCode::NOT_MODIFIED);
                return Ok(response.finish());
            }
        }
        _ => {}
    }
    let response = response.body(content);
    match kind {
        Use::HandlerError => Err(InternalError::from_response("not here", response).into()),
        _ => Ok(response),
    }
}

/// Turns the response into an error between the handler and the session middleware. An error of the handler is a
/// response before any middleware sees it.
async fn fail_if_asked(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> actix_web::Result<ServiceResponse<impl MessageBody>> {
    let is_asked = request.match_info().query("use") == (Use::MiddlewareError as usize).to_string();
    let response = next.call(request).await?.map_into_boxed_body();
    match is_asked {
        true => Err(InternalError::from_response("not here", response.into_parts().1).into()),
        false => Ok(response),
    }
}

fn begin(status: StatusCode, headers: Headers, serial: &Serial) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    for header in headers.lines() {
        response.append_header(header);
    }
    let number = serial.0.fetch_add(1, Ordering::SeqCst) + 1;
    response.insert_header((SERIAL, number));
    response
}

/// What a page shows of its session. Pages of different sessions are different.
fn show(session: &Session) -> actix_web::Result<String> {
    let name: Option<String> = session.get("name")?;
    let count: Option<u32> = session.get("count")?;
    Ok(content(name.as_deref(), count.unwrap_or_default()))
}

/// What a page shows of a session with this name and count.
pub(crate) fn content(name: Option<&str>, count: u32) -> String {
    format!("{} has {count}", name.unwrap_or("a guest"))
}

/// Where the redirect with this content leads.
pub(crate) fn location(content: &str) -> String {
    format!("/home/{}", content.replace(' ', "-"))
}

/// The `ETag` of the page with this content.
pub(crate) fn etag(content: &str) -> String {
    format!("\"{}\"", content.replace(' ', "-"))
}

fn visitor(request: &HttpRequest) -> String {
    let name = request.headers().get(VISITOR).unwrap();
    name.to_str().unwrap().to_owned()
}

/// A body that reads the session only when it is sent, after the middleware has committed.
struct LateBody(Option<Pin<Box<dyn Future<Output = actix_web::Result<Bytes>>>>>);

impl LateBody {
    fn of(session: Session) -> Self {
        Self(Some(Box::pin(async move {
            session.load().await?;
            show(&session).map(Bytes::from)
        })))
    }
}

impl MessageBody for LateBody {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(reading) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let read = ready!(reading.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(Some(read))
    }
}
