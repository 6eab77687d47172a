//! A server in its own thread, and a client that sends headers byte for byte. Test programs that use HTTP include
//! this file.

use std::{net::SocketAddr, ops::Deref, sync::mpsc, thread};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System, web::ServiceConfig};
use sessile::{SessionMiddleware, storage::SessionStore};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// An application on its own port. It stops when this is dropped.
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

    /// Runs the server that `run` returns with its address, in its own thread.
    pub(crate) fn in_thread(
        run: impl FnOnce() -> (actix_web::dev::Server, SocketAddr) + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            System::new().block_on(async {
                let (server, address) = run();
                sender.send((server.handle(), address)).unwrap();
                server.await.unwrap();
            });
        });
        let (handle, address) = receiver.recv().unwrap();
        Self {
            client: Client { address },
            handle,
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server receives the command at once. The future only waits for its completion.
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

/// Sends requests, each over its own connection.
#[derive(Clone, Copy)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
}

impl Client {
    /// The response to a request, after which the server closes the connection.
    pub(crate) async fn exchange(&self, request: &[u8]) -> Reply {
        let mut stream = self.begin(request).await;
        let mut response = Vec::new();
        // A server that has left the body of the request unread waits for a second before it closes the connection.
        while !is_complete(&response) && stream.read_buf(&mut response).await.unwrap() > 0 {}
        Reply::parse(&String::from_utf8(response).unwrap())
    }

    /// Sends a request, and returns the connection before the response. Dropping it disconnects the client.
    pub(crate) async fn begin(&self, request: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream
    }
}

/// Whether this is a whole response that has a `Content-Length`. That to a `HEAD` is not complete before the connection is
/// closed.
fn is_complete(response: &[u8]) -> bool {
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let Some((head, body)) = end.map(|end| response.split_at(end + 4)) else {
        return false;
    };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let mut lines = head.lines();
    let length = lines.find_map(|line| line.strip_prefix("content-length:"));
    length.is_some_and(|length| length.trim().parse() == Ok(body.len()))
}

/// A response.
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
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let mut reply = Self {
            status: status
                .and_then(|status| status.parse().ok())
                .expect("a status"),
            headers: headers.collect(),
            body: body.to_owned(),
        };
        if reply.headers("transfer-encoding") == ["chunked"] {
            reply.body = join_chunks(body);
        }
        reply
    }

    /// All values of the header called `name`.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The `name=value` of the only `Set-Cookie`.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let pair = self.only_set_cookie().split(';').next();
        pair.unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub(crate) fn only_set_cookie(&self) -> &str {
        let cookies = self.headers("set-cookie");
        assert_eq!(cookies.len(), 1, "one Set-Cookie: {self:?}");
        cookies[0]
    }
}

/// The content of a body in chunks (RFC 9112, section 7.1).
#[track_caller]
fn join_chunks(mut body: &str) -> String {
    let mut content = String::new();
    // The response to a `HEAD` has no body.
    while !body.is_empty() {
        let (length, rest) = body.split_once("\r\n").expect("the length of a chunk");
        let length = usize::from_str_radix(length, 16).expect("a length");
        if length == 0 {
            break;
        }
        content.push_str(&rest[..length]);
        body = &rest[length + 2..];
    }
    content
}
