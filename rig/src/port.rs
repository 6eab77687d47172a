//! A port nobody listens on.

use std::{
    collections::HashSet,
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{LazyLock, Mutex, PoisonError},
};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..500).map(|_| free_port().unwrap()).collect();

        assert_eq!(ports.len(), 500);
    }
}
