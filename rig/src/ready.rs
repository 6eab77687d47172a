//! The condition under which a process is ready.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::log::Log;

/// Long enough for a slow machine under load. A server that fails to start usually ends by itself, which ends the wait.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30);

/// The condition under which a process is ready, and the time limit for it.
///
/// The limit is 30 seconds unless [`within`](Ready::within) sets another one.
#[derive(Debug)]
pub struct Ready {
    when: When,
    limit: Duration,
}

impl Ready {
    /// The process is ready when it has started. It is for processes that end by themselves, and for tests that wait for
    /// something else.
    pub fn at_once() -> Self {
        When::AtOnce.into()
    }

    /// The process is ready when it accepts connections on this port of 127.0.0.1.
    pub fn port(port: u16) -> Self {
        When::Port(port).into()
    }

    /// The process is ready when a line of its standard output or standard error contains this text.
    pub fn line(text: impl Into<String>) -> Self {
        When::Line(text.into()).into()
    }

    /// The process is ready when `probe` returns true. `what` names the condition in errors: "a reply to PING".
    ///
    /// The probe is called repeatedly, so it should be fast.
    pub fn probe(what: impl Into<String>, probe: impl FnMut() -> bool + Send + 'static) -> Self {
        When::Probe(what.into(), Box::new(probe)).into()
    }

    /// Sets the time limit.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    pub(crate) fn is_at_once(&self) -> bool {
        matches!(self.when, When::AtOnce)
    }

    /// Checks the condition once.
    pub(crate) fn check(&mut self, log: &Log) -> bool {
        match &mut self.when {
            When::AtOnce => true,
            When::Port(port) => accepts(*port),
            When::Line(text) => log.line(text).is_some(),
            When::Probe(_, probe) => probe(),
        }
    }
}

/// Formats the condition.
impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.when {
            When::AtOnce => f.write_str("its start"),
            When::Port(port) => write!(f, "a connection on port {port}"),
            When::Line(text) => write!(f, "a line with `{text}`"),
            When::Probe(what, _) => f.write_str(what),
        }
    }
}

enum When {
    AtOnce,
    Port(u16),
    Line(String),
    Probe(String, Box<dyn FnMut() -> bool + Send>),
}

impl From<When> for Ready {
    fn from(when: When) -> Self {
        Ready {
            when,
            limit: DEFAULT_LIMIT,
        }
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::AtOnce => f.write_str("AtOnce"),
            When::Port(port) => f.debug_tuple("Port").field(port).finish(),
            When::Line(text) => f.debug_tuple("Line").field(text).finish(),
            When::Probe(what, _) => f.debug_tuple("Probe").field(what).finish_non_exhaustive(),
        }
    }
}

fn accepts(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_is_ready_when_it_accepts_connections() {
        let log = Log::new("no-such-log".into());
        let port = crate::free_port().unwrap();
        let mut ready = Ready::port(port);
        assert!(!ready.check(&log));

        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(ready.check(&log));
    }

    #[test]
    fn a_probe_is_called_for_each_check() {
        let log = Log::new("no-such-log".into());
        let mut calls = 0;
        let mut ready = Ready::probe("the third call", move || {
            calls += 1;
            calls == 3
        });

        let outcomes = [(); 3].map(|()| ready.check(&log));

        assert_eq!(outcomes, [false, false, true]);
        assert_eq!(ready.to_string(), "the third call");
    }
}
