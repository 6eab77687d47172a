//! One visitor.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::answer::Answer;
use crate::subject::Kind;

/// The path that begins a session with typical values.
pub(crate) const BEGIN: &str = "/begin";

/// A connection, and the last cookie that was received over it.
pub(crate) struct Visitor {
    stream: TcpStream,
    cookie: Option<String>,
    /// The expected counter of the session, if the server has one.
    count: Option<u64>,
    request: Vec<u8>,
    response: Vec<u8>,
}

impl Visitor {
    /// A visitor without a session.
    pub(crate) async fn arrive(port: u16) -> anyhow::Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            cookie: None,
            count: None,
            request: Vec::with_capacity(1024),
            response: Vec::with_capacity(4096),
        })
    }

    /// Begins a session at this path. Fails if the response sets no cookie.
    pub(crate) async fn begin(&mut self, path: &str) -> anyhow::Result<()> {
        self.cookie = self.fetch("POST", path, None).await?.0;
        ensure!(
            self.cookie.is_some(),
            "the response to a new session sets no cookie"
        );
        self.count = Some(0);
        Ok(())
    }

    /// Uses a session whose counter other visitors may change.
    pub(crate) fn take_over(&mut self, cookie: &str) {
        self.cookie = Some(cookie.to_owned());
        self.count = None;
    }

    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// Sends one request of this kind, checks the response, and returns its number.
    pub(crate) async fn send(&mut self, kind: Kind) -> anyhow::Result<u64> {
        let (method, path) = match kind {
            Kind::Read | Kind::None => ("GET", "/read"),
            Kind::Change => ("POST", "/change"),
            Kind::Idle => ("GET", "/idle"),
            Kind::Create => ("POST", BEGIN),
        };
        if matches!(kind, Kind::None | Kind::Create) {
            // The visitor's session is for the other kinds.
            let (_, number) = self.fetch(method, path, None).await?;
            ensure!(
                number == 0,
                "a visitor without a session has the counter {number}"
            );
            return Ok(number);
        }
        let cookie = self.cookie.take();
        let fetched = self.fetch(method, path, cookie.as_deref()).await;
        self.cookie = cookie;
        if fetched.is_err() {
            // The server may have incremented it nevertheless.
            self.count = None;
        }
        let (newer, number) = fetched?;
        if newer.is_some() {
            self.cookie = newer;
        }
        self.check(kind, number)?;
        Ok(number)
    }

    /// Calls a handler that does not belong to a visitor.
    pub(crate) async fn call(&mut self, path: &str) -> anyhow::Result<u64> {
        Ok(self.fetch("POST", path, None).await?.1)
    }

    fn check(&mut self, kind: Kind, number: u64) -> anyhow::Result<()> {
        let Some(count) = self.count.as_mut().filter(|_| kind != Kind::Idle) else {
            return Ok(());
        };
        *count += u64::from(kind == Kind::Change);
        ensure!(
            number == *count,
            "the counter is {number}, and should be {count}"
        );
        Ok(())
    }

    /// The cookie and the number of the response.
    async fn fetch(
        &mut self,
        method: &str,
        path: &str,
        cookie: Option<&str>,
    ) -> anyhow::Result<(Option<String>, u64)> {
        self.request.clear();
        for part in [method, " ", path, " HTTP/1.1\r\nhost: localhost\r\n"] {
            self.request.extend_from_slice(part.as_bytes());
        }
        if let Some(cookie) = cookie {
            for part in ["cookie: ", cookie, "\r\n"] {
                self.request.extend_from_slice(part.as_bytes());
            }
        }
        if method == "POST" {
            self.request.extend_from_slice(b"content-length: 0\r\n");
        }
        self.request.extend_from_slice(b"\r\n");
        self.stream.write_all(&self.request).await?;

        self.response.clear();
        loop {
            let read = self.stream.read_buf(&mut self.response).await?;
            ensure!(read > 0, "the server closed the connection");
            if let Some(answer) =
                Answer::parse(&self.response).with_context(|| format!("{method} {path} failed"))?
            {
                let body = std::str::from_utf8(&self.response[answer.body])?;
                let number = body
                    .parse()
                    .with_context(|| format!("{method} {path} was answered with {body:?}"))?;
                return Ok((answer.cookie, number));
            }
        }
    }
}
