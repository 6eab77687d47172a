//! The uses that a request can make of its session, and the sequences of requests that would show a leak.

use std::fmt;

use crate::headers::Headers;

/// The use that a page makes of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    LookWithoutCookie,
    StartSession,
    Write,
    Renew,
    Purge,
    Stream,
    Redirect,
    NotFound,
    HandlerError,
    MiddlewareError,
    NotModified,
    Head,
    HeadStartsSession,
}

/// Which visitor makes a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Role {
    /// Visitors with sessions.
    Alice,
    Bob,
    /// Visitors without sessions.
    Guest,
    OtherGuest,
    ThirdGuest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    /// A `GET` with the `ETag` of the visitor's own page.
    Conditional,
}

use Method::{Conditional, Get, Head};
use Role::{Alice, Bob, Guest, OtherGuest, ThirdGuest};

impl Use {
    /// In the order of their numbers.
    pub(crate) const ALL: [Self; 14] = [
        Self::Read,
        Self::LookWithoutCookie,
        Self::StartSession,
        Self::Write,
        Self::Renew,
        Self::Purge,
        Self::Stream,
        Self::Redirect,
        Self::NotFound,
        Self::HandlerError,
        Self::MiddlewareError,
        Self::NotModified,
        Self::Head,
        Self::HeadStartsSession,
    ];

    /// The requests for one page, in order. The first response that a cache keeps is what later visitors get.
    pub(crate) const fn visits(self) -> &'static [(Role, Method)] {
        match self {
            Self::Read
            | Self::Stream
            | Self::Redirect
            | Self::NotFound
            | Self::HandlerError
            | Self::MiddlewareError => &[(Alice, Get), (Bob, Get), (Guest, Get), (Alice, Get)],
            Self::LookWithoutCookie => &[(Guest, Get), (Alice, Get), (OtherGuest, Get), (Bob, Get)],
            Self::StartSession => &[(Guest, Get), (OtherGuest, Get), (Alice, Get), (Guest, Get)],
            Self::Write => &[(Alice, Get), (Bob, Get), (Guest, Get), (Alice, Get)],
            Self::Renew => &[(Alice, Get), (Bob, Get), (Alice, Get)],
            Self::Purge => &[(Alice, Get), (Bob, Get), (Guest, Get)],
            Self::NotModified => &[
                (Alice, Get),
                (Bob, Conditional),
                (Guest, Conditional),
                (Alice, Conditional),
                (Bob, Get),
            ],
            Self::Head => &[(Alice, Head), (Bob, Head), (Guest, Get), (Bob, Get)],
            Self::HeadStartsSession => &[(Guest, Head), (OtherGuest, Get), (ThirdGuest, Head)],
        }
    }

    /// The path of its page with these headers.
    pub(crate) fn path(self, headers: Headers) -> String {
        format!("/pages/{}/{}", self as usize, headers.path())
    }

    /// The status of its pages.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Redirect => 302,
            Self::NotFound | Self::HandlerError | Self::MiddlewareError => 404,
            _ => 200,
        }
    }

    /// Whether its page starts a session for a visitor without one.
    pub(crate) const fn starts_sessions(self) -> bool {
        matches!(self, Self::StartSession | Self::HeadStartsSession)
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "a page that reads the session",
            Self::LookWithoutCookie => "a page that looks for a session, first without a cookie",
            Self::StartSession => "a page that starts a session",
            Self::Write => "a page that changes the session",
            Self::Renew => "a page that renews the session",
            Self::Purge => "a page that ends the session",
            Self::Stream => "a body that reads the session while it is sent",
            Self::Redirect => "a redirect to a page of the session",
            Self::NotFound => "a 404 that names the session",
            Self::HandlerError => "an error of a handler that names the session",
            Self::MiddlewareError => "an error of inner middleware that names the session",
            Self::NotModified => "a page of the session that answers conditional requests",
            Self::Head => "a page that reads the session for `HEAD`",
            Self::HeadStartsSession => "a page that starts a session for `HEAD`",
        })
    }
}
