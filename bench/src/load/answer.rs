//! Reading an HTTP response.

use std::ops::Range;

use anyhow::Context as _;

/// What matters of a response. The body lies in the buffer that it was read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What a `Set-Cookie` says the cookie is from now on: `name=value`.
    pub(super) cookie: Option<String>,
    pub(super) body: Range<usize>,
}

/// The server answered with another status than 200.
#[derive(Debug, thiserror::Error)]
#[error("answered with {0}")]
struct OtherStatus(u16);

/// Whether a request failed since the server refused it for the moment: 503.
pub(super) fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OtherStatus(503)))
}

impl Answer {
    /// The response that `bytes` begin with, or nothing if more of it is to come.
    ///
    /// Anything but a 200 is an error.
    pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head) = response.parse(bytes)? else {
            return Ok(None);
        };
        let (mut length, mut cookie) = (None, None);
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                length = Some(std::str::from_utf8(header.value)?.parse::<usize>()?);
            } else if header.name.eq_ignore_ascii_case("set-cookie") {
                let value = std::str::from_utf8(header.value)?;
                cookie = Some(value.split(';').next().unwrap_or(value).to_owned());
            }
        }
        let end = head + length.context("a response without `Content-Length`")?;
        if bytes.len() < end {
            return Ok(None);
        }
        if response.code != Some(200) {
            return Err(OtherStatus(response.code.unwrap_or(0)).into());
        }
        Ok(Some(Self {
            cookie,
            body: head..end,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: id=a=b; Path=/\r\n\r\n42";

    #[test]
    fn a_whole_response_is_taken_apart() {
        let answer = Answer::parse(WHOLE).unwrap().unwrap();

        assert_eq!(answer.cookie.as_deref(), Some("id=a=b"));
        assert_eq!(&WHOLE[answer.body], b"42");
    }

    #[test]
    fn half_a_response_is_none_yet() {
        for end in 0..WHOLE.len() {
            assert_eq!(Answer::parse(&WHOLE[..end]).unwrap(), None, "{end}");
        }
    }

    #[test]
    fn another_status_is_an_error() {
        let failed = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

        let error = Answer::parse(failed).unwrap_err();

        assert_eq!(error.to_string(), "answered with 503");
        assert!(is_refusal(&error.context("POST /change failed")));
        let other = Answer::parse(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n");
        assert!(!is_refusal(&other.unwrap_err()));
    }
}
