//! Which cookies of a request are looked at.

use super::super::*;

fn found<'a>(headers: &[&'a str]) -> NamedCookies<'a> {
    find_named(headers.iter().map(|header| header.as_bytes()), "id")
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
    assert_eq!(find_named([header], "id"), value("abc"));
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
            find_bare(headers.iter().map(|header| header.as_bytes()))
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
    let empty = find_bare([&b""[..]]);
    assert_eq!(empty, NamedCookies::Unusable(RejectReason::Empty));
    let too_long = "1".repeat(MAX_VALUE_LEN + 1);
    let too_long = find_bare([too_long.as_bytes()]);
    assert_eq!(too_long, NamedCookies::Unusable(RejectReason::TooLong));
    assert_eq!(find_bare([]), NamedCookies::Nothing);
}

#[test]
fn no_more_values_are_looked_at_than_a_browser_may_have() {
    let header = "id=1; ".repeat(1000);
    for headers in [vec![&*header], vec![&*header; 3], vec!["id=1"; 1000]] {
        let headers = headers.iter().map(|header| header.as_bytes());
        let NamedCookies::Values(values) = find_named(headers, "id") else {
            panic!("there are values");
        };
        assert_eq!(values.len(), 256);
    }
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
    let longest = format!("id={}", "1".repeat(MAX_VALUE_LEN));
    assert_eq!(found(&[&*longest]), value(&longest["id=".len()..]));
    let too_long = format!("{longest}1");
    assert_eq!(
        found(&[&*too_long]),
        NamedCookies::Unusable(RejectReason::TooLong)
    );
}
