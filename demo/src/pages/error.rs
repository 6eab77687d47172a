//! The pages of requests that fail, and the middleware that finishes every response.

use actix_web::{
    Error, HttpRequest, HttpResponse, ResponseError as _,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{RequestHead, ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode,
        header::{ACCEPT, CONTENT_TYPE, ContentType, HeaderMap, HeaderValue},
    },
    middleware::Next,
};
use askama::Template;
use sessile::{engine::SessionFailure, error::CsrfError};

use super::Layout;
use crate::headers::harden;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    layout: Layout,
    status: u16,
    title: &'static str,
    advice: &'static str,
    /// Whether the browser can load the page again.
    can_retry: bool,
}

pub(crate) async fn not_found() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

/// The page of a request whose session can't be loaded or stored.
pub(crate) fn session_failure(request: &HttpRequest, failure: &SessionFailure) -> HttpResponse {
    let client = Client::of(request.head());
    let status = failure.status_code();
    client.respond(status, describe(status, client.is_safe))
}

/// The page of a request that does not come from a form of this site.
pub(crate) fn forged(request: &HttpRequest, error: &CsrfError) -> HttpResponse {
    let text = match error {
        CsrfError::CrossOrigin => (
            "Request from another site",
            "Another site sent this request from your browser. Nothing was changed.",
        ),
        _ => (
            "This form has expired",
            "Nothing was changed. Go back, load the page again, and send the form from there.",
        ),
    };
    Client::of(request.head()).respond(error.status_code(), text)
}

/// Adds security headers to every response, and a body to every failed one.
///
/// The body explains what the visitor can do. Details of the error are only in the log.
pub(crate) async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, String>>, Error> {
    let client = Client::of(request.head());
    let path = request.path().to_owned();

    match next.call(request).await {
        Ok(response) => {
            let status = response.status();
            if status.is_server_error() {
                let error = response.response().error();
                tracing::error!(%path, %status, error = error.map(tracing::field::display));
            }
            let is_failure = status.is_client_error() || status.is_server_error();
            let mut response = if is_failure && !is_html(response.headers()) {
                response.map_body(|head, _| {
                    EitherBody::right(client.body(head.status, &mut head.headers))
                })
            } else {
                response.map_into_left_body()
            };
            harden(response.headers_mut());
            Ok(response)
        }
        // Without the request, this middleware can only return an error. The error has the response.
        Err(error) => {
            let mut response = error.error_response();
            let status = response.status();
            if status.is_server_error() {
                tracing::error!(%path, %status, %error);
            }
            if !is_html(response.headers()) {
                response = response
                    .map_body(|head, _| BoxBody::new(client.body(head.status, &mut head.headers)));
            }
            harden(response.headers_mut());
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// Whether a page has been rendered, which is more specific than the status.
fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The title of the page for a status, and what the visitor can do.
fn describe(status: StatusCode, is_safe: bool) -> (&'static str, &'static str) {
    match status {
        StatusCode::NOT_FOUND => (
            "Page not found",
            "There is no page at this address. Check the spelling.",
        ),
        StatusCode::CONFLICT => (
            "Your session has changed",
            "Another tab or another device has ended or renewed this session in the meantime. Nothing was changed.",
        ),
        StatusCode::SERVICE_UNAVAILABLE if is_safe => (
            "Sessions are unavailable",
            "The server can't reach its session store. Your session is not lost: it is there when the store is back.",
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            "Sessions are unavailable",
            "The server can't reach its session store, so it can't say whether your change was stored. Look before you \
             send it again. Your session is not lost: it is there when the store is back.",
        ),
        status if status.is_server_error() => (
            "Server error",
            "The server failed to answer the request and has logged the error. Please try again shortly.",
        ),
        _ => ("Bad request", "This page does not accept the request."),
    }
}

/// The properties of a request that determine the response.
#[derive(Clone, Copy)]
struct Client {
    /// Browsers accept HTML when they open a page; scripts and tools don't.
    accepts_html: bool,
    /// Whether the request asked for no change.
    is_safe: bool,
}

impl Client {
    fn of(request: &RequestHead) -> Self {
        let accepted = request.headers().get_all(ACCEPT);
        let mut accepted = accepted.filter_map(|accept| accept.to_str().ok());
        Self {
            accepts_html: accepted.any(|accept| accept.contains("text/html")),
            is_safe: request.method.is_safe(),
        }
    }

    fn respond(self, status: StatusCode, text: (&'static str, &'static str)) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        match self.page(status, text) {
            Some(page) => response.insert_header(ContentType::html()).body(page),
            None => response.finish(),
        }
    }

    /// The body of a response with this status. Sets its type.
    fn body(self, status: StatusCode, headers: &mut HeaderMap) -> String {
        let page = self.page(status, describe(status, self.is_safe));
        let kind = match page {
            Some(_) => "text/html; charset=utf-8",
            None => "text/plain; charset=utf-8",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        page.unwrap_or_else(|| status.canonical_reason().unwrap_or("Error").to_owned())
    }

    fn page(self, status: StatusCode, text: (&'static str, &'static str)) -> Option<String> {
        let (title, advice) = text;
        let page = ErrorPage {
            layout: Layout::bare(),
            status: status.as_u16(),
            title,
            advice,
            can_retry: status == StatusCode::SERVICE_UNAVAILABLE && self.is_safe,
        };
        self.accepts_html.then(|| page.render().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        error::{ErrorInternalServerError, ErrorServiceUnavailable},
        http::header::CONTENT_SECURITY_POLICY,
        middleware::from_fn,
        test::{TestRequest, init_service, read_body, try_call_service},
        web,
    };

    use super::*;

    async fn handler() -> Result<HttpResponse, Error> {
        Err(ErrorInternalServerError("internal detail"))
    }

    async fn middleware<B: MessageBody>(
        _: ServiceRequest,
        _: Next<B>,
    ) -> Result<ServiceResponse<B>, Error> {
        Err(ErrorServiceUnavailable("internal detail"))
    }

    async fn page() -> HttpResponse {
        HttpResponse::UnprocessableEntity()
            .content_type("text/html; charset=utf-8")
            .body("the page of the handler")
    }

    /// The status and the text of the response to a client that accepts `accept`. Checks the security headers.
    async fn respond(path: &str, accept: &'static str) -> (StatusCode, String) {
        let app = App::new()
            .wrap(from_fn(finish))
            .route("/handler", web::get().to(handler))
            .route("/page", web::get().to(page))
            .service(
                web::resource("/middleware")
                    .wrap(from_fn(middleware))
                    .get(page),
            )
            .default_service(web::to(not_found));
        let app = init_service(app).await;
        let request = TestRequest::with_uri(path).insert_header((ACCEPT, accept));
        let response = match try_call_service(&app, request.to_request()).await {
            Ok(response) => response.map_into_boxed_body(),
            Err(error) => {
                let request = TestRequest::default().to_http_request();
                ServiceResponse::new(request, error.error_response())
            }
        };
        assert!(response.headers().contains_key(CONTENT_SECURITY_POLICY));
        let status = response.status();
        let body = read_body(response).await.to_vec();
        (status, String::from_utf8(body).unwrap())
    }

    #[actix_web::test]
    async fn a_browser_gets_a_page_and_a_tool_gets_a_line() {
        let (status, text) = respond("/none", "text/html,*/*;q=0.8").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(text.contains("Page not found"), "{text}");

        let (status, text) = respond("/none", "*/*").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(text, "Not Found");
    }

    #[actix_web::test]
    async fn no_internal_detail_is_shown() {
        for (path, status, line, advice) in [
            (
                "/handler",
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal Server Error",
                "has logged the error",
            ),
            (
                "/middleware",
                StatusCode::SERVICE_UNAVAILABLE,
                "Service Unavailable",
                "Your session is not lost",
            ),
        ] {
            let (page_status, page) = respond(path, "text/html").await;
            assert_eq!(page_status, status);
            assert!(page.contains(advice), "{page}");
            assert!(!page.contains("internal detail"), "{page}");
            assert_eq!(respond(path, "*/*").await, (status, line.to_owned()));
        }
    }

    #[actix_web::test]
    async fn a_page_of_the_handler_is_not_replaced() {
        let (status, text) = respond("/page", "text/html").await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(text, "the page of the handler");
    }
}
