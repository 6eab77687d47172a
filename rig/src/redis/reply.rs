//! The replies of a Redis server, and their encoding.

use std::{borrow::Cow, io};

/// A reply of a Redis server.
///
/// A type that only RESP3 has is decoded as the nearest type of RESP2: a map or a set is an [`Array`](Reply::Array), and
/// a double or a boolean is a [`Simple`](Reply::Simple) string.
///
/// ```
/// use sessile_rig::redis::Reply;
///
/// let reply = Reply::Bulk(b"value".to_vec());
/// assert_eq!(reply.text().as_deref(), Some("value"));
/// assert_eq!(reply, Reply::from("value"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A status, such as `OK` or `PONG`.
    Simple(String),
    /// An error, with its code: `WRONGTYPE Operation against …`.
    Error(String),
    /// A number.
    Integer(i64),
    /// A value.
    Bulk(Vec<u8>),
    /// No value: the reply to `GET` for a missing key.
    Nil,
    /// Several replies.
    Array(Vec<Reply>),
}

impl Reply {
    /// Whether the reply is the status `OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Reply::Simple(status) if status == "OK")
    }

    /// The text of a status, a value or an error. U+FFFD replaces invalid UTF-8.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Reply::Simple(text) | Reply::Error(text) => Some(Cow::Borrowed(text)),
            Reply::Bulk(bytes) => Some(String::from_utf8_lossy(bytes)),
            Reply::Integer(_) | Reply::Nil | Reply::Array(_) => None,
        }
    }

    /// The number, if the reply is one.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Reply::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The replies in an array. Other replies have none.
    pub fn items(&self) -> &[Reply] {
        match self {
            Reply::Array(items) => items,
            _ => &[],
        }
    }
}

/// Creates a value.
impl From<&str> for Reply {
    fn from(value: &str) -> Self {
        Reply::Bulk(value.as_bytes().to_vec())
    }
}

/// Decodes the first frame of `bytes`. Returns it with its length, or `None` if it is incomplete.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] if `bytes` is not RESP.
pub(crate) fn decode(bytes: &[u8]) -> io::Result<Option<(Reply, usize)>> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let line = String::from_utf8_lossy(&bytes[1..end.max(1)]).into_owned();
    let body = end + 2;
    let frame = match bytes[0] {
        b'+' | b',' | b'#' | b'(' => Some((Reply::Simple(line), body)),
        b'-' => Some((Reply::Error(line), body)),
        b':' => Some((Reply::Integer(number(&line)?), body)),
        b'_' => Some((Reply::Nil, body)),
        b'$' | b'=' | b'!' => decode_bulk(bytes, body, number(&line)?),
        b'*' | b'~' | b'>' => decode_items(bytes, body, number(&line)?)?,
        b'%' => decode_items(bytes, body, number(&line)?.saturating_mul(2))?,
        other => return Err(invalid(format!("no frame begins with byte {other}"))),
    };
    Ok(frame)
}

fn decode_bulk(bytes: &[u8], body: usize, length: i64) -> Option<(Reply, usize)> {
    let Ok(length) = usize::try_from(length) else {
        return Some((Reply::Nil, body));
    };
    let end = body.saturating_add(length);
    let whole = end.saturating_add(2);
    (bytes.len() >= whole).then(|| (Reply::Bulk(bytes[body..end].to_vec()), whole))
}

fn decode_items(bytes: &[u8], body: usize, count: i64) -> io::Result<Option<(Reply, usize)>> {
    let Ok(count) = usize::try_from(count) else {
        return Ok(Some((Reply::Nil, body)));
    };
    let mut items = Vec::new();
    let mut end = body;
    for _ in 0..count {
        let Some((item, length)) = decode(&bytes[end..])? else {
            return Ok(None);
        };
        items.push(item);
        end += length;
    }
    Ok(Some((Reply::Array(items), end)))
}

fn number(line: &str) -> io::Result<i64> {
    line.parse()
        .map_err(|_| invalid(format!("`{line}` is not a number")))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_decoded() {
        let cases: &[(&str, Reply)] = &[
            ("+OK\r\n", Reply::Simple("OK".into())),
            ("-ERR no\r\n", Reply::Error("ERR no".into())),
            (":-2\r\n", Reply::Integer(-2)),
            ("$3\r\na\r\n\r\n", Reply::from("a\r\n")),
            ("$0\r\n\r\n", Reply::from("")),
            ("$-1\r\n", Reply::Nil),
            ("*-1\r\n", Reply::Nil),
            ("_\r\n", Reply::Nil),
            ("*0\r\n", Reply::Array(vec![])),
            (
                "*2\r\n:1\r\n*1\r\n$1\r\na\r\n",
                Reply::Array(vec![
                    Reply::Integer(1),
                    Reply::Array(vec![Reply::from("a")]),
                ]),
            ),
            (
                "%1\r\n+a\r\n:1\r\n",
                Reply::Array(vec![Reply::Simple("a".into()), Reply::Integer(1)]),
            ),
        ];
        for (wire, reply) in cases {
            let decoded = decode(wire.as_bytes()).unwrap();
            assert_eq!(decoded, Some((reply.clone(), wire.len())), "{wire:?}");
        }
    }

    #[test]
    fn only_the_first_complete_frame_is_decoded() {
        let wire = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
        for length in 0..wire.len() {
            assert_eq!(decode(&wire[..length]).unwrap(), None, "{length} bytes");
        }

        let two = [wire.as_slice(), b"+OK\r\n"].concat();
        assert_eq!(decode(&two).unwrap().unwrap().1, wire.len());
    }

    #[test]
    fn other_protocols_are_refused() {
        for wire in ["HTTP/1.1 400\r\n", "\r\n", ":one\r\n", "$x\r\n"] {
            let error = decode(wire.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{wire:?}");
        }
    }
}
