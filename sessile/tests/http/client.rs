//! A server in a thread of its own, and a client that sends headers byte for byte.

use std::{net::SocketAddr, ops::Deref, sync::mpsc, thread};

use actix_web::{
    App, HttpServer, cookie::Cookie, dev::ServerHandle, rt::System, web::ServiceConfig,
};
use serde_json::Value;
use sessile::{SessionMiddleware, storage::SessionStore};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An application on a port of its own, stopped when this is dropped.
pub(crate) struct Server {
    client: Client,
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// The application that `configure` sets up, inside `middleware`, on two workers.
    pub(crate) fn start<S: SessionStore>(
        middleware: SessionMiddleware<S>,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        Self::in_thread(move || {
            let server = HttpServer::new(move || {
                App::new()
                    .wrap(middleware.clone())
                    .configure(configure.clone())
            });
            let server = server.workers(2).disable_signals();
            let server = server.bind(("127.0.0.1", 0)).unwrap();
            let address = server.addrs()[0];
            (server.run(), address)
        })
    }

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

    fn in_thread(
        run: impl FnOnce() -> (actix_web::dev::Server, SocketAddr) + Send + 'static,
    ) -> Self {
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async {
                let (server, address) = run();
                tell.send((server.handle(), address)).unwrap();
                server.await.unwrap();
            });
        });
        let (handle, address) = told.recv().unwrap();
        Self {
            client: Client { address },
            handle,
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is under way once this returns; the future only tells when it was obeyed.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the server panicked");
        }
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// Sends requests, each on a connection of its own.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    address: SocketAddr,
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
        let mut stream = self.begin(method, path, cookie_headers).await;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await.unwrap();
        Reply::parse(&String::from_utf8(response).unwrap())
    }

    /// The connection of a request that was sent and not answered yet. The client leaves when it is dropped.
    pub(crate) async fn begin(
        &self,
        method: &str,
        path: &str,
        cookie_headers: &[&[u8]],
    ) -> TcpStream {
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

        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(&request).await.unwrap();
        stream
    }
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect("a response");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self {
            status: status
                .and_then(|status| status.parse().ok())
                .expect("a status"),
            headers: headers.collect(),
            body: body.to_owned(),
        }
    }

    /// All values of the header called `name`.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Everything that was sent, as text.
    pub(crate) fn all_text(&self) -> String {
        format!("{self:?}")
    }

    /// The session as the handler left it; it must have been served.
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

    /// The `name=value` of the only `Set-Cookie`.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let pair = self.only_set_cookie().split(';').next();
        pair.unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn only_set_cookie(&self) -> &str {
        let cookies = self.headers("set-cookie");
        assert_eq!(cookies.len(), 1, "one Set-Cookie: {self:?}");
        cookies[0]
    }

    #[track_caller]
    pub(crate) fn assert_sets_no_cookie(&self) {
        assert_eq!(self.headers("set-cookie"), [""; 0], "{self:?}");
    }

    /// The cookie that the browser has after this reply, if it had `before`.
    pub(crate) fn cookie_or(&self, before: &str) -> String {
        match self.headers("set-cookie").is_empty() {
            true => before.to_owned(),
            false => self.cookie(),
        }
    }

    /// The only `Set-Cookie` makes the browser forget the cookie.
    #[track_caller]
    pub(crate) fn assert_removes_cookie(&self) {
        let cookie = self.set_cookie();
        let zero = actix_web::cookie::time::Duration::ZERO;
        assert_eq!((cookie.value(), cookie.max_age()), ("", Some(zero)));
        let expires = cookie.expires_datetime().expect("an `Expires`");
        assert_eq!(expires.unix_timestamp(), 0, "in the past");
    }

    /// An opaque answer: this status and no body, cookie or word about the cause.
    #[track_caller]
    pub(crate) fn assert_opaque(&self, status: u16) {
        assert_eq!((self.status, self.body.as_str()), (status, ""), "{self:?}");
        self.assert_sets_no_cookie();
        assert!(!self.all_text().contains(crate::watched::CAUSE), "{self:?}");
    }

    /// An opaque answer of the middleware to a request that failed for its session: no cache keeps it, and
    /// the client is told when to try again if that is worth it.
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
