//! A connection of the rig to a Redis server.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use super::{
    config::USER,
    reply::{Reply, decode},
};

/// A server on the same machine that does not reply for this time hangs.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that executes one command at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects as the user of the rig. Passwords that a test sets do not affect it.
    pub(crate) fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut connection = Self {
            stream,
            received: Vec::new(),
        };
        match connection.send(&["AUTH", USER, "-"])? {
            reply if reply.is_ok() => Ok(connection),
            reply => Err(io::Error::other(format!("the reply to AUTH is {reply:?}"))),
        }
    }

    /// Sends a command and waits for its reply, which may be an error of the server.
    pub(crate) fn send(&mut self, words: &[&str]) -> io::Result<Reply> {
        self.stream.write_all(&encode(words))?;
        let mut chunk = [0; 16 * 1024];
        loop {
            if let Some((reply, length)) = decode(&self.received)? {
                self.received.drain(..length);
                return Ok(reply);
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.received.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

fn encode(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    bytes.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_strings_with_their_lengths_in_bytes() {
        let bytes = encode(&["SET", "é", ""]);

        assert_eq!(bytes, "*3\r\n$3\r\nSET\r\n$2\r\né\r\n$0\r\n\r\n".as_bytes());
    }
}
