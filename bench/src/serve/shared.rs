//! What the handlers of all servers share. The program in `peers/` includes this file.

use std::net::{Ipv4Addr, TcpListener};

/// What a server writes when it listens, followed by its port.
pub(crate) const LISTENING: &str = "listening on port ";

/// A free port. It is known before the server listens: earlier connections wait in the queue.
pub(crate) fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    Ok(listener)
}

/// What a new session holds beside its counter: about what an application keeps of a visitor.
pub(crate) const CONTENT: &[(&str, &str)] = &[
    ("user", "ferris"),
    ("language", "en-GB"),
    ("token", "q0Z4mXb2nUe8rTtW6yLp1sVdKc9gHfJa3iBoNxQwEzR"),
];

/// The name of the counter.
pub(crate) const COUNT: &str = "count";
