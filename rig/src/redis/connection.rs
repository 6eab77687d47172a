//! A connection of the rig's own to a Redis server.

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

/// A server on the same machine that is silent for that long is hung.
const SILENCE: Duration = Duration::from_secs(5);

/// One connection, one command at a time.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects as the rig's own user, which no password of a test's keeps out.
    pub(crate) fn open(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        let mut connection = Self {
            stream,
            received: Vec::new(),
        };
        match connection.send(&["AUTH", USER, "-"])? {
            reply if reply.is_ok() => Ok(connection),
            reply => Err(io::Error::other(format!("AUTH answered {reply:?}"))),
        }
    }

    /// Sends a command and waits for its answer. An error of the server's is an answer.
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
    let mut wire = format!("*{}\r\n", words.len());
    for word in words {
        wire.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    wire.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_values_by_their_length_in_bytes() {
        let wire = encode(&["SET", "é", ""]);

        assert_eq!(wire, "*3\r\n$3\r\nSET\r\n$2\r\né\r\n$0\r\n\r\n".as_bytes());
    }
}
