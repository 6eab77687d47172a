//! Splitting a stream into messages.

use crate::redis::{Reply, decode};

/// Splits the bytes of a stream into messages.
///
/// A message is a RESP frame. If the stream is not RESP, a message has the bytes of one read.
#[derive(Debug, Default)]
pub(super) struct Frames {
    received: Vec<u8>,
    is_opaque: bool,
}

/// A message in its encoded form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// Whether the server sends it without a request.
    pub(super) is_push: bool,
    /// The command in upper case, or an empty string.
    pub(super) command: String,
}

impl Frames {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Removes and returns the next complete message.
    pub(super) fn next(&mut self) -> Option<Frame> {
        if !self.is_opaque {
            match decode(&self.received) {
                Ok(None) if self.looks_like_resp() => return None,
                Ok(Some((reply, length))) => return Some(self.take(length, command_in(&reply))),
                // The stream stays opaque, because bytes of another protocol may look like RESP.
                Ok(None) | Err(_) => self.is_opaque = true,
            }
        }
        (!self.received.is_empty()).then(|| self.take(self.received.len(), String::new()))
    }

    fn take(&mut self, length: usize, command: String) -> Frame {
        let bytes: Vec<u8> = self.received.drain(..length).collect();
        Frame {
            is_push: !self.is_opaque && bytes.starts_with(b">"),
            bytes,
            command,
        }
    }

    /// The first byte of an incomplete line decides.
    fn looks_like_resp(&self) -> bool {
        self.received
            .first()
            .is_none_or(|first| b"+-:$*_#,(!=%~>".contains(first))
    }
}

/// A request is an array that begins with the command's name.
fn command_in(request: &Reply) -> String {
    let name = request.items().first().and_then(Reply::text);
    name.unwrap_or_default().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for chunk in chunks {
            frames.extend(chunk);
            while let Some(frame) = frames.next() {
                found.push(frame.bytes);
            }
        }
        found
    }

    #[test]
    fn a_pipeline_is_split_into_its_requests() {
        let found = messages(&[b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r", b"\nTIME\r\n"]);

        assert_eq!(
            found,
            [b"*1\r\n$4\r\nPING\r\n".as_slice(), b"*1\r\n$4\r\nTIME\r\n"]
        );
    }

    #[test]
    fn the_command_is_in_upper_case() {
        let mut frames = Frames::default();
        frames.extend(b"*2\r\n$3\r\nget\r\n$1\r\na\r\n");

        assert_eq!(frames.next().unwrap().command, "GET");
    }

    #[test]
    fn other_protocols_are_forwarded_unchanged() {
        // A TLS record, followed by bytes that look like the beginning of an array.
        let found = messages(&[b"\x16\x03\x01hello", b"*9\r\n"]);

        assert_eq!(found, [b"\x16\x03\x01hello".as_slice(), b"*9\r\n"]);
    }

    #[test]
    fn a_push_is_distinguished_from_a_reply() {
        let mut frames = Frames::default();
        frames.extend(b">1\r\n+hi\r\n+OK\r\n");

        assert!(frames.next().unwrap().is_push);
        assert!(!frames.next().unwrap().is_push);
    }
}
