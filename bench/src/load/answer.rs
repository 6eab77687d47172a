//! Reading an HTTP response.

use std::ops::Range;

use anyhow::Context as _;

/// The parts of a response that are needed. The body is in the buffer that it was read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The `name=value` of a `Set-Cookie`.
    pub(super) cookie: Option<String>,
    pub(super) body: Range<usize>,
}

/// The status of the response is not 200.
#[derive(Debug, thiserror::Error)]
#[error("answered with {0}")]
struct OtherStatus(u16);

/// Whether a request failed because the server refused it with 503.
pub(super) fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OtherStatus(503)))
}

impl Answer {
    /// The response at the beginning of `bytes`. `None` if it is incomplete.
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
    fn a_complete_response_is_parsed() {
        let answer = Answer::parse(WHOLE).unwrap().unwrap();

        assert_eq!(answer.cookie.as_deref(), Some("id=a=b"));
        assert_eq!(&WHOLE[answer.body], b"42");
    }

    #[test]
    fn an_incomplete_response_is_none() {
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
