//! When a process can be talked to.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::log::Log;

/// Long enough for a slow machine under load; a server that fails to start usually ends by itself, and is not waited for.
const DEFAULT_LIMIT: Duration = Duration::from_secs(30);

/// How to tell that a process is ready, and how long to wait for it (30 seconds unless [`within`](Ready::within) says otherwise).
#[derive(Debug)]
pub struct Ready {
    when: When,
    limit: Duration,
}

impl Ready {
    /// Ready as soon as it is started: for a process that does its work and ends, or whose test waits for something itself.
    pub fn at_once() -> Self {
        When::AtOnce.into()
    }

    /// Ready when it accepts connections on this port of 127.0.0.1.
    pub fn port(port: u16) -> Self {
        When::Port(port).into()
    }

    /// Ready when a line of its output, on standard output or standard error, contains this text.
    pub fn line(text: impl Into<String>) -> Self {
        When::Line(text.into()).into()
    }

    /// Ready when `probe` says so. `what` names it in errors: "an answer to PING".
    ///
    /// The probe is called again and again, so it should answer quickly.
    pub fn probe(what: impl Into<String>, probe: impl FnMut() -> bool + Send + 'static) -> Self {
        When::Probe(what.into(), Box::new(probe)).into()
    }

    /// Sets how long to wait.
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

    /// Looks once.
    pub(crate) fn look(&mut self, log: &Log) -> bool {
        match &mut self.when {
            When::AtOnce => true,
            When::Port(port) => accepts(*port),
            When::Line(text) => log.line(text).is_some(),
            When::Probe(_, probe) => probe(),
        }
    }
}

/// Names what is waited for.
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
    fn a_port_is_ready_once_it_accepts() {
        let log = Log::new("no-such-log".into());
        let port = crate::free_port().unwrap();
        let mut ready = Ready::port(port);
        assert!(!ready.look(&log));

        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(ready.look(&log));
    }

    #[test]
    fn a_probe_is_asked_each_time() {
        let log = Log::new("no-such-log".into());
        let mut asked = 0;
        let mut ready = Ready::probe("the third time", move || {
            asked += 1;
            asked == 3
        });

        let answers = [(); 3].map(|()| ready.look(&log));

        assert_eq!(answers, [false, false, true]);
        assert_eq!(ready.to_string(), "the third time");
    }
}
