//! A port nobody listens on.

use std::{
    collections::HashSet,
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{LazyLock, Mutex, PoisonError},
};

use crate::Error;

/// The ports given out so far. The kernel may offer a port again as soon as it is let go,
/// and then two tests that run side by side would get the same one.
static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// Picks a port of 127.0.0.1 that nobody listens on, and that this function hasn't given before.
///
/// For servers that must be told their port. Where a server can pick its own (port 0) and say which,
/// let it: another process may still take this one before the server does.
///
/// ```
/// let port = sessile_rig::free_port()?;
/// std::net::TcpListener::bind(("127.0.0.1", port))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// What the operating system says when it has no port left.
pub fn free_port() -> io::Result<u16> {
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if given.insert(port) {
            return Ok(port);
        }
    }
}

/// The number of attempts: another process may take the port between its choice and the start.
const ATTEMPTS: usize = 5;

/// What the log of a server says if another process has its port.
const PORT_TAKEN: &str = "Address already in use";

/// Starts a server on a free port, and on another port if another process takes the first one.
pub(crate) fn on_free_port<T>(
    program: &str,
    mut start: impl FnMut(u16) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        let port = free_port().map_err(Error::system(program, "be given a port"))?;
        match start(port) {
            Err(Error::Ended { log, .. }) if attempt < ATTEMPTS && log.contains(PORT_TAKEN) => {
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..500).map(|_| free_port().unwrap()).collect();

        assert_eq!(ports.len(), 500);
    }

    fn ended(log: &str) -> Error {
        Error::Ended {
            program: "test".to_owned(),
            status: ExitStatus::from_raw(0),
            log: log.to_owned(),
        }
    }

    #[test]
    fn a_server_whose_port_is_taken_is_started_on_another() {
        let mut tried = Vec::new();

        let port = on_free_port("test", |port| {
            tried.push(port);
            match tried.len() {
                3 => Ok(port),
                _ => Err(ended("bind: Address already in use")),
            }
        });

        assert_eq!(port.unwrap(), tried[2]);
        assert_ne!(tried[0], tried[1]);
    }

    #[test]
    fn a_server_that_fails_otherwise_is_not_started_again() {
        let mut starts = 0;

        let outcome = on_free_port::<()>("test", |_| {
            starts += 1;
            Err(ended("unknown directive"))
        });

        assert!(outcome.is_err());
        assert_eq!(starts, 1);
    }
}
