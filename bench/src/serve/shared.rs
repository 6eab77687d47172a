//! The parts that the servers share. The program in `peers/` includes this file.

use std::net::{Ipv4Addr, TcpListener};

/// The output of a server that listens, before its port.
pub(crate) const LISTENING: &str = "listening on port ";

/// A free port. It is known before the server listens: earlier connections wait in the queue.
pub(crate) fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    Ok(listener)
}

/// The values of a new session beside its counter, as in a typical application.
pub(crate) const CONTENT: &[(&str, &str)] = &[
    ("user", "ferris"),
    ("language", "en-GB"),
    ("token", "q0Z4mXb2nUe8rTtW6yLp1sVdKc9gHfJa3iBoNxQwEzR"),
];

/// The name of the counter.
pub(crate) const COUNT: &str = "count";
