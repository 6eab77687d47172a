//! Reading the headers of a request that carry session cookies. A client can send any bytes in them.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};
use percent_encoding::percent_decode;
use smallvec::SmallVec;

use crate::telemetry::RejectReason;

/// The values of cookies.
pub(crate) type Values<'a> = SmallVec<[Cow<'a, [u8]>; 1]>;

/// The cookies of one name in a request's `Cookie` headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NamedCookies<'a> {
    /// Nothing.
    Nothing,
    /// These values, in their order, with quotes removed and percent-encoding undone. At least one.
    Values(Values<'a>),
    /// Only values that can't be our cookie, for this reason.
    Unusable(RejectReason),
}

/// Looks for the cookies called `name` in all `headers`.
///
/// Other cookies may contain anything. There can be several of one name: a page on a sibling domain or another
/// path can set a second one (RFC 6265bis, section 8.6).
pub(super) fn find<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    max_len: usize,
) -> NamedCookies<'a> {
    find_in(headers, b';', max_len, |pair| {
        value_under(name.as_bytes(), pair)
    })
}

/// The values in `headers` that have nothing but values. A proxy may have joined several lines with commas (RFC 9110,
/// section 5.3).
pub(super) fn find_bare<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    max_len: usize,
) -> NamedCookies<'a> {
    find_in(headers, b',', max_len, |part| Some(part.trim_ascii()))
}

/// What `value_of` finds in the parts of all `headers`.
fn find_in<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    separator: u8,
    max_len: usize,
    value_of: impl Fn(&'a [u8]) -> Option<&'a [u8]>,
) -> NamedCookies<'a> {
    let mut values = SmallVec::new();
    let mut unusable = None;
    for header in headers {
        let mut start = 0;
        for end in memchr_iter(separator, header).chain([header.len()]) {
            if let Some(value) = value_of(&header[start..end]) {
                match usable(value, max_len) {
                    Ok(value) => values.push(value),
                    Err(reason) => unusable = Some(reason),
                }
            }
            start = end + 1;
        }
    }
    match unusable {
        _ if !values.is_empty() => NamedCookies::Values(values),
        Some(reason) => NamedCookies::Unusable(reason),
        None => NamedCookies::Nothing,
    }
}

fn usable(value: &[u8], max_len: usize) -> Result<Cow<'_, [u8]>, RejectReason> {
    match value.len() {
        0 => Err(RejectReason::Empty),
        len if len > max_len => Err(RejectReason::TooLong),
        _ => Ok(decoded(value)),
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

/// Undoes percent-encoding, which most values do not have.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    match memchr(b'%', value) {
        None => Cow::Borrowed(value),
        Some(_) => percent_decode(value).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(headers: &[&'a str]) -> NamedCookies<'a> {
        find(headers.iter().map(|header| header.as_bytes()), "id", 20)
    }

    fn value(text: &str) -> NamedCookies<'_> {
        NamedCookies::Values([text.as_bytes().into()].into_iter().collect())
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
    fn all_cookies_of_our_name_are_found() {
        let values = |values: &[&'static str]| {
            let values = values.iter().map(|value| Cow::Borrowed(value.as_bytes()));
            NamedCookies::Values(values.collect())
        };
        assert_eq!(found(&["id=1; id=1"]), values(&["1", "1"]));
        assert_eq!(found(&["id=1; a=b", "id=2"]), values(&["1", "2"]));
        assert_eq!(found(&["id=; id=2; id=\"\""]), values(&["2"]));
    }

    #[test]
    fn a_header_without_names_has_values_alone() {
        let bare = |headers: &[&'static str]| {
            let NamedCookies::Values(values) =
                find_bare(headers.iter().map(|header| header.as_bytes()), 20)
            else {
                panic!("no value in {headers:?}");
            };
            let texts = values
                .iter()
                .map(|value| String::from_utf8(value.to_vec()).unwrap());
            texts.collect::<Vec<_>>()
        };
        assert_eq!(bare(&["abc"]), ["abc"]);
        assert_eq!(bare(&["a;b=c"]), ["a;b=c"]);
        assert_eq!(bare(&["a%2C, b ,,", "c"]), ["a,", "b", "c"]);
        let unusable = |header: &'static str| find_bare([header.as_bytes()], 20);
        assert_eq!(unusable(""), NamedCookies::Unusable(RejectReason::Empty));
        assert_eq!(
            unusable("123456789012345678901"),
            NamedCookies::Unusable(RejectReason::TooLong)
        );
        assert_eq!(find_bare([], 20), NamedCookies::Nothing);
    }

    #[test]
    fn nothing_is_nothing() {
        for headers in [&[][..], &[""], &["id"], &["xid=1"], &["ID=1"], &["="]] {
            assert_eq!(found(headers), NamedCookies::Nothing, "{headers:?}");
        }
    }

    #[test]
    fn what_cannot_be_ours_is_unusable() {
        assert_eq!(found(&["id="]), NamedCookies::Unusable(RejectReason::Empty));
        assert_eq!(
            found(&["id=\"\""]),
            NamedCookies::Unusable(RejectReason::Empty)
        );
        assert_eq!(
            found(&["id=123456789012345678901"]),
            NamedCookies::Unusable(RejectReason::TooLong)
        );
    }
}
