//! Requests that pages of other sites forge, and those of the application's own pages.

mod browsers;
mod forms;
mod tokens;

use actix_web::{HttpResponse, web};
use sessile::{Session, SessionMiddleware, extract::CsrfGuard, storage::SessionStore};

use crate::{
    client::{Reply, Server},
    setup::{Kind, Setup},
};

async fn token(session: Session) -> actix_web::Result<String> {
    Ok(session.csrf_token()?)
}

async fn renew(session: Session) -> actix_web::Result<String> {
    session.renew();
    Ok(session.csrf_token()?)
}

async fn sign_in(session: Session) -> actix_web::Result<String> {
    session.sign_in("ferris").await?;
    Ok(session.subject().unwrap_or_default())
}

async fn restart(session: Session) -> actix_web::Result<String> {
    session.csrf_token()?;
    session.restart()?;
    Ok(session.csrf_token()?)
}

async fn sign_out(session: Session) -> &'static str {
    session.sign_out();
    "signed out"
}

#[derive(serde::Deserialize)]
struct Order {
    article: String,
}

async fn page(session: Session) -> actix_web::Result<HttpResponse> {
    let field = session.csrf_field()?;
    let html = format!(r#"<form method="post">{field}<input name="article"></form>"#);
    Ok(HttpResponse::Ok().body(html))
}

async fn order(order: web::Form<Order>) -> String {
    format!("1 {}", order.article)
}

fn shop(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(page))
        .route("/", web::post().to(order));
}

/// The shop and routes that scripts use, inside of `guard`.
fn start_with<S: SessionStore>(sessions: SessionMiddleware<S>, guard: CsrfGuard) -> Server {
    Server::start(sessions, move |config| {
        let scope = web::scope("").wrap(guard.clone()).configure(shop);
        config.service(
            scope
                .route("/token", web::get().to(token))
                .route("/renew", web::get().to(renew))
                .route("/sign-in", web::post().to(sign_in))
                .route("/restart", web::get().to(restart))
                .route("/sign-out", web::post().to(sign_out))
                .route("/body", web::to(|body: String| async { body })),
        );
    })
}

fn start<K: Kind>(setup: &Setup<K>) -> Server {
    start_with(setup.builder().build(), CsrfGuard::new())
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Sends a request with these header lines.
async fn send(server: &Server, line: &str, headers: &[&str], body: &str) -> Reply {
    let host = format!("Host: {}", server.address);
    send_to(server, line, &[&[host.as_str()], headers].concat(), body).await
}

async fn send_to(server: &Server, line: &str, headers: &[&str], body: &str) -> Reply {
    let headers = headers.join("\r\n");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\n{headers}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    server.exchange(request.as_bytes()).await
}

/// A browser with a session.
struct Browser<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// A browser that opened a page with a form; the token of the form.
    async fn with_form(server: &'a Server) -> (Self, String) {
        let reply = server.get("/").await;
        let cookie = reply.cookie();
        let token = token_in(&reply.body);
        (Self { server, cookie }, token)
    }

    async fn get(&mut self, path: &str) -> Reply {
        let reply = self.server.get_as(&self.cookie, path).await;
        self.cookie = reply.cookie_or(&self.cookie);
        reply
    }

    /// A `POST` with this token in the header, as a script sends it.
    async fn post(&mut self, path: &str, token: &str) -> Reply {
        let token = format!("X-CSRF-Token: {token}");
        let reply = self.send(path, &[&token], "").await;
        self.cookie = reply.cookie_or(&self.cookie);
        reply
    }

    /// The status of a `POST` with this token that changes nothing.
    async fn status_with(&self, token: &str) -> u16 {
        let token = format!("X-CSRF-Token: {token}");
        self.send("/body", &[&token], "").await.status
    }

    /// A `POST` with these headers and the cookie.
    async fn send(&self, path: &str, headers: &[&str], body: &str) -> Reply {
        let cookie = format!("Cookie: {}", self.cookie);
        let headers = [&[cookie.as_str()], headers].concat();
        send(self.server, &format!("POST {path}"), &headers, body).await
    }
}

/// The token in a form.
pub(crate) fn token_in(page: &str) -> String {
    let (_, token) = page.split_once(r#"name="csrf_token" value=""#).unwrap();
    token.split_once('"').unwrap().0.to_owned()
}
