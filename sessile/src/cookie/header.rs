//! Reading the `Cookie` headers of a request, which a client can fill with anything.

use std::{borrow::Cow, str::Utf8Error};

use memchr::{memchr, memchr_iter};
use percent_encoding::percent_decode;

/// What a request's `Cookie` headers say under one name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// Nothing.
    Nothing,
    /// This value, quotes removed and percent-encoding undone.
    Value(Cow<'a, str>),
    /// Something that can't be the cookie we sent.
    Unusable(&'static str),
}

/// Looks for the cookie `name` in all `headers`.
///
/// Other cookies don't matter, whatever is in them. The same name twice is unusable: a page on a
/// sibling domain or another path can plant a second cookie, and nothing tells which one is ours
/// (RFC 6265bis, section 8.6).
pub(super) fn find<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    max_len: usize,
) -> Found<'a> {
    let mut found = None;
    for header in headers {
        let mut start = 0;
        for end in memchr_iter(b';', header).chain([header.len()]) {
            if let Some(value) = value_under(name.as_bytes(), &header[start..end])
                && found.replace(value).is_some()
            {
                return Found::Unusable("repeated");
            }
            start = end + 1;
        }
    }
    let Some(value) = found else {
        return Found::Nothing;
    };
    if value.is_empty() {
        return Found::Unusable("empty");
    }
    if value.len() > max_len {
        return Found::Unusable("too long");
    }
    match decoded(value) {
        Ok(value) => Found::Value(value),
        Err(_) => Found::Unusable("not UTF-8"),
    }
}

fn value_under<'a>(name: &[u8], pair: &'a [u8]) -> Option<&'a [u8]> {
    let rest = pair.trim_ascii_start().strip_prefix(name)?;
    let value = rest.trim_ascii_start().strip_prefix(b"=")?;
    Some(unquoted(value.trim_ascii()))
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// Most values have nothing in them that would have to be decoded.
fn decoded(value: &[u8]) -> Result<Cow<'_, str>, Utf8Error> {
    match memchr(b'%', value) {
        None => str::from_utf8(value).map(Cow::Borrowed),
        Some(_) => percent_decode(value).decode_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(headers: &[&'a str]) -> Found<'a> {
        find(headers.iter().map(|header| header.as_bytes()), "id", 20)
    }

    fn value(text: &str) -> Found<'_> {
        Found::Value(text.into())
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        assert_eq!(found(&["id=abc"]), value("abc"));
        assert_eq!(found(&["i=1;id2=2;id =abc;"]), value("abc"));
        assert_eq!(found(&["id 2=1; x=id=3; id=abc"]), value("abc"));
        assert_eq!(found(&["a=b; id=abc; xid=1; ID=2"]), value("abc"));
        assert_eq!(found(&["a=b", " id = abc "]), value("abc"));
        assert_eq!(found(&["id=a=b=="]), value("a=b=="));
        assert_eq!(found(&["id=\"abc\""]), value("abc"));
        assert_eq!(found(&["id=a%2Fb%3D+"]), value("a/b=+"));
    }

    #[test]
    fn other_cookies_may_be_garbage() {
        let header: &[u8] = b"\xff\xfe=\x80; =; ;;; novalue; id=abc; x=\xff";
        assert_eq!(find([header], "id", 20), value("abc"));
    }

    #[test]
    fn nothing_is_nothing() {
        for headers in [&[][..], &[""], &["id"], &["xid=1"], &["ID=1"], &["="]] {
            assert_eq!(found(headers), Found::Nothing, "{headers:?}");
        }
    }

    #[test]
    fn what_cannot_be_ours_is_unusable() {
        assert_eq!(found(&["id="]), Found::Unusable("empty"));
        assert_eq!(found(&["id=\"\""]), Found::Unusable("empty"));
        assert_eq!(found(&["id=1; id=1"]), Found::Unusable("repeated"));
        assert_eq!(found(&["id=1", "id=2"]), Found::Unusable("repeated"));
        assert_eq!(
            found(&["id=123456789012345678901"]),
            Found::Unusable("too long")
        );
        assert_eq!(found(&["id=%ff%fe"]), Found::Unusable("not UTF-8"));
        assert_eq!(
            find([&b"id=\xff"[..]], "id", 20),
            Found::Unusable("not UTF-8")
        );
    }
}
