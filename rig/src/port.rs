//! Free ports.

use std::{
    collections::HashSet,
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{LazyLock, Mutex, PoisonError},
};

use crate::Error;

/// The ports that were returned so far. The kernel may return a port again as soon as it is closed, so two concurrent
/// tests could get the same one.
static RETURNED: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// Chooses a port of 127.0.0.1 that no process listens on and that this function has not returned before.
///
/// It is for servers that need a port in their configuration. If a server can choose a port itself (port 0) and report
/// it, use that: another process may bind this port before the server does.
///
/// ```
/// let port = sessile_rig::free_port()?;
/// std::net::TcpListener::bind(("127.0.0.1", port))?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The error of the operating system if no port is left.
pub fn free_port() -> io::Result<u16> {
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let mut returned = RETURNED.lock().unwrap_or_else(PoisonError::into_inner);
        if returned.insert(port) {
            return Ok(port);
        }
    }
}

/// The number of attempts. Another process may bind the port before the server does.
const ATTEMPTS: usize = 5;

/// The message in the log of a server if another process has its port.
const PORT_IN_USE: &str = "Address already in use";

/// Starts a server on a free port. If another process binds the port first, it tries another port.
pub(crate) fn on_free_port<T>(
    program: &str,
    mut start: impl FnMut(u16) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        let port = free_port().map_err(Error::system(program, "find a free port"))?;
        match start(port) {
            Err(Error::Ended { log, .. }) if attempt < ATTEMPTS && log.contains(PORT_IN_USE) => {
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
    fn no_port_is_returned_twice() {
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
    fn a_server_whose_port_is_in_use_is_started_on_another() {
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
    fn a_server_with_another_error_is_not_started_again() {
        let mut starts = 0;

        let outcome = on_free_port::<()>("test", |_| {
            starts += 1;
            Err(ended("unknown directive"))
        });

        assert!(outcome.is_err());
        assert_eq!(starts, 1);
    }
}
