//! A visitor with a browser, and the session that the visitor has to see.

use std::fmt;

use crate::{
    app::{SERIAL, VISITOR, content, etag},
    server::{Client, Reply},
    uses::{Method, Use},
};

/// A visitor with a browser, which keeps the last cookie that it received.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    /// A name that no other visitor has.
    pub(crate) label: String,
    pub(crate) cookie: Option<String>,
    /// The values that have to be in the session.
    name: Option<String>,
    count: u32,
}

/// The change of the visitor's cookie that a response has to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Stays,
    IsSet,
    IsRemoved,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stays => "stays",
            Self::IsSet => "is set",
            Self::IsRemoved => "is removed",
        })
    }
}

impl Visitor {
    /// Without a session.
    pub(crate) fn guest(label: String) -> Self {
        Self {
            label,
            cookie: None,
            name: None,
            count: 0,
        }
    }

    /// With a new session.
    pub(crate) async fn signed_in(application: &Client, label: String) -> Self {
        let mut visitor = Self::guest(label);
        let reply = visitor.request(application, Method::Get, "/sign-in").await;
        visitor.cookie = Some(reply.cookie());
        visitor.name = Some(visitor.label.clone());
        visitor
    }

    /// The page that shows the session of this visitor.
    pub(crate) fn page(&self) -> String {
        content(self.name.as_deref(), self.count)
    }

    /// Records what a page does with the session before it shows it.
    pub(crate) fn note(&mut self, kind: Use) -> Change {
        let had_session = self.cookie.is_some();
        if kind.starts_sessions() && self.name.is_none() {
            self.name = Some(self.label.clone());
            return Change::IsSet;
        }
        match kind {
            Use::Write => {
                self.count += 1;
                match had_session {
                    true => Change::Stays,
                    false => Change::IsSet,
                }
            }
            Use::Renew => Change::IsSet,
            Use::Purge if had_session => Change::IsRemoved,
            _ => Change::Stays,
        }
    }

    pub(crate) async fn request(&self, server: &Client, method: Method, path: &str) -> Reply {
        let (name, condition) = match method {
            Method::Get => ("GET", String::new()),
            Method::Head => ("HEAD", String::new()),
            Method::Conditional => {
                let condition = format!("If-None-Match: {}\r\n", etag(&self.page()));
                ("GET", condition)
            }
        };
        let cookie = self.cookie.as_ref();
        let cookie = cookie.map_or_else(String::new, |cookie| format!("Cookie: {cookie}\r\n"));
        let request = format!(
            "{name} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\
             {VISITOR}: {}\r\n{cookie}{condition}\r\n",
            self.label,
        );
        server.exchange(request.as_bytes()).await
    }

    /// Checks that the application itself shows this visitor the right session.
    pub(crate) async fn check_session(&self, application: &Client) -> Result<(), String> {
        let page = match self.cookie {
            Some(_) => self.page(),
            None => content(None, 0),
        };
        self.check_shown(&page, application).await
    }

    /// Checks that the cookie of this visitor opens no session.
    pub(crate) async fn check_signed_out(&self, application: &Client) -> Result<(), String> {
        self.check_shown(&content(None, 0), application).await
    }

    async fn check_shown(&self, page: &str, application: &Client) -> Result<(), String> {
        let found = self
            .request(application, Method::Get, "/own-page")
            .await
            .body;
        match found == page {
            true => Ok(()),
            false => Err(format!(
                "the application shows {} `{found}` in place of `{page}`",
                self.label
            )),
        }
    }
}

/// The number of a response of the application.
pub(crate) fn serial(reply: &Reply) -> Option<usize> {
    reply.headers(SERIAL).first()?.parse().ok()
}

/// Whether the cache says that it answered.
pub(crate) fn is_hit(reply: &Reply) -> bool {
    let x_cache = reply.headers("x-cache");
    x_cache.iter().any(|value| value.starts_with("HIT"))
}
