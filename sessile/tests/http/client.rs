//! Methods of the server and the client that only the tests of the middleware use.

use actix_web::{App, HttpServer, cookie::Cookie, web::ServiceConfig};
use serde_json::Value;
use tokio::net::TcpStream;

pub(crate) use crate::server::{Client, Reply, Server};

impl Server {
    /// The application that `configure` sets up, with no middleware around it.
    pub(crate) fn start_bare(
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        Self::in_thread(move || {
            let server = HttpServer::new(move || App::new().configure(configure.clone()));
            let server = server.workers(1).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).unwrap();
            let address = server.addrs()[0];
            (server.run(), address)
        })
    }
}

impl Client {
    /// A `GET` without a cookie.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[]).await
    }

    /// A `GET` with `cookie`, a `name=value`.
    pub(crate) async fn get_as(&self, cookie: &str, path: &str) -> Reply {
        self.get_with(path, &[cookie.as_bytes()]).await
    }

    /// A `GET` with these `Cookie` headers.
    pub(crate) async fn get_with(&self, path: &str, cookie_headers: &[&[u8]]) -> Reply {
        self.send("GET", path, cookie_headers).await
    }

    /// A `POST` without a cookie.
    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.send("POST", path, &[]).await
    }

    /// A `POST` with `cookie`, a `name=value`.
    pub(crate) async fn post_as(&self, cookie: &str, path: &str) -> Reply {
        self.send("POST", path, &[cookie.as_bytes()]).await
    }

    /// A request with these `Cookie` headers.
    pub(crate) async fn send(&self, method: &str, path: &str, cookie_headers: &[&[u8]]) -> Reply {
        self.exchange(&request(method, path, cookie_headers)).await
    }

    /// The connection of a request without a response so far. Dropping it disconnects the client.
    pub(crate) async fn begin_request(
        &self,
        method: &str,
        path: &str,
        cookie_headers: &[&[u8]],
    ) -> TcpStream {
        self.begin(&request(method, path, cookie_headers)).await
    }
}

fn request(method: &str, path: &str, cookie_headers: &[&[u8]]) -> Vec<u8> {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n"
    )
    .into_bytes();
    for header in cookie_headers {
        request.extend_from_slice(b"Cookie: ");
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

impl Reply {
    /// The whole response, as text.
    pub(crate) fn all_text(&self) -> String {
        format!("{self:?}")
    }

    /// The session as the handler left it. Panics if the status is not 200.
    #[track_caller]
    pub(crate) fn state(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// The only `Set-Cookie`.
    #[track_caller]
    pub(crate) fn set_cookie(&self) -> Cookie<'_> {
        Cookie::parse(self.only_set_cookie()).expect("a cookie")
    }

    #[track_caller]
    pub(crate) fn assert_sets_no_cookie(&self) {
        assert_eq!(self.headers("set-cookie"), [""; 0], "{self:?}");
    }

    /// The cookie that the browser has after this response, if it had `before`.
    pub(crate) fn cookie_or(&self, before: &str) -> String {
        match self.headers("set-cookie").is_empty() {
            true => before.to_owned(),
            false => self.cookie(),
        }
    }

    /// Checks that the only `Set-Cookie` makes the browser delete the cookie.
    #[track_caller]
    pub(crate) fn assert_removes_cookie(&self) {
        let cookie = self.set_cookie();
        let zero = actix_web::cookie::time::Duration::ZERO;
        assert_eq!((cookie.value(), cookie.max_age()), ("", Some(zero)));
        let expires = cookie.expires_datetime().expect("an `Expires`");
        assert_eq!(expires.unix_timestamp(), 0, "in the past");
    }

    /// Checks that the response is opaque: this status, and no body, no cookie and no cause.
    #[track_caller]
    pub(crate) fn assert_opaque(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""), "{self:?}");
        self.assert_sets_no_cookie();
        assert!(!self.all_text().contains(crate::watched::CAUSE), "{self:?}");
    }

    /// Checks the middleware's opaque response to a request that failed because of its session: no cache stores it, and
    /// it has a `Retry-After` if a retry makes sense.
    #[track_caller]
    pub(crate) fn assert_failure(&self, status: u16) {
        self.assert_opaque(status);
        self.assert_failure_headers();
    }

    #[track_caller]
    pub(crate) fn assert_failure_headers(&self) {
        assert_eq!(self.headers("cache-control"), ["no-store"], "{self:?}");
        let retry_after: &[&str] = match self.status {
            503 => &["1"],
            _ => &[],
        };
        assert_eq!(self.headers("retry-after"), retry_after, "{self:?}");
    }
}
